//! A user's document as a tree in which every key and value has its place.
//!
//! Input: bytes and [`Bounds`]. Output: a [`Node`], or [`Defect`]s with their places. It knows no schema. Invariants:
//! one document; no anchors, aliases, merge keys, tags or directives, so that what is written is what is meant; keys
//! are text and unique; nothing is built beyond the bounds; never a panic, and either a tree or a defect.

use serde_json::{Map, Number, Value as Json};
use serde_saphyr::granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span as Range, StrInput};

use super::scalar::{self, Scalar};
use super::text::{self, Places};
use crate::model::diagnostic::Span;

/// Bounds on one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Levels of nesting.
    pub depth: usize,
    /// Keys, values, lists and maps.
    pub nodes: usize,
}

/// A value and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From its first character to its last one.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as it was written.
    Number(Number, String),
    /// A text, and whether it was written without quotes.
    Text(String, bool),
    /// A list.
    List(Vec<Node>),
    /// A map in the order of the file.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its place.
    pub span: Span,
    /// The value.
    pub value: Node,
}

/// What is wrong with the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DefectKind {
    /// It is not UTF-8.
    Encoding,
    /// It holds a control character or starts with a byte order mark.
    Character,
    /// It is not YAML.
    Syntax,
    /// A tab is used for indentation.
    Tab,
    /// A key stands twice in one map.
    DuplicateKey,
    /// An anchor, alias, merge key, tag or directive.
    Indirection,
    /// A second document.
    SecondDocument,
    /// A bound is exceeded.
    Bound,
    /// A key is no text.
    Key,
    /// There is no document.
    Empty,
}

/// One problem of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// What.
    pub kind: DefectKind,
    /// Where.
    pub span: Span,
    /// In words, without a value of the document.
    pub message: String,
    /// What to do.
    pub hint: Option<&'static str>,
    /// The first of two equal keys.
    pub first: Option<Span>,
}

impl Node {
    /// The value as JSON.
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number, _) => Json::Number(number.clone()),
            Value::Text(text, _) => Json::String(text.clone()),
            Value::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Value::Map(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                Json::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }

    /// The entry of a map.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value below a key or an index.
    pub fn child(&self, step: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(_) => self.entry(step).map(|entry| &entry.value),
            Value::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// The value at the end of a path.
    pub fn at<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        path.into_iter().try_fold(self, Self::child)
    }

    /// The text.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text, _) => Some(text),
            _ => None,
        }
    }
}

/// Parses one document. Without a tree there is always a defect.
pub fn parse(bytes: &[u8], bounds: Bounds) -> Result<Node, Vec<Defect>> {
    let source = text::decode(bytes).map_err(|defect| vec![defect])?;
    let options = serde_saphyr::granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: bounds.depth + 1,
        block_nesting_limit: bounds.depth + 1,
    };
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(source, options),
        places: Places::new(source),
        bounds,
        nodes: 0,
        defects: Vec::new(),
    };
    let root = builder.document();
    let mut defects = builder.defects;
    match root {
        Ok(Some(node)) if defects.is_empty() => return Ok(node),
        Ok(Some(_)) => {}
        Ok(None) => {
            let span = Places::new(source).empty();
            defects.push(Defect {
                kind: DefectKind::Empty,
                span,
                message: "the file holds no document".to_owned(),
                hint: None,
                first: None,
            });
        }
        Err(defect) => defects.push(*defect),
    }
    defects.sort_by_key(|defect| (defect.span, defect.kind));
    Err(defects)
}

/// Problems after which parsing stops.
const DEFECTS_MAX: usize = 100;

struct Builder<'s> {
    parser: Parser<'s, StrInput<'s>>,
    places: Places<'s>,
    bounds: Bounds,
    nodes: usize,
    defects: Vec<Defect>,
}

type Stop = Box<Defect>;

impl<'s> Builder<'s> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some((event, range)) = self.next()? {
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    let message = "a second document starts here; a file holds one";
                    return Err(self
                        .defect(DefectKind::SecondDocument, range, message, Some("put it into a file of its own"))
                        .into());
                }
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, range, 1)?),
            }
        }
        let nothing = |node: &Node| matches!(&node.value, Value::Null) && node.span.start == node.span.end;
        Ok(root.filter(|node| !nothing(node)))
    }

    fn next(&mut self) -> Result<Option<(Event<'s>, Range)>, Stop> {
        loop {
            return match self.parser.next_event() {
                None => Ok(None),
                Some(Ok((event, range))) => {
                    let skip = !event.is_node()
                        && !matches!(
                            event,
                            Event::StreamStart
                                | Event::StreamEnd
                                | Event::DocumentStart(..)
                                | Event::DocumentEnd
                                | Event::SequenceEnd
                                | Event::MappingEnd
                        );
                    if skip {
                        continue;
                    }
                    Ok(Some((event, range)))
                }
                Some(Err(error)) => Err(self.scan_error(&error).into()),
            };
        }
    }

    fn node(&mut self, event: Event<'s>, range: Range, depth: usize) -> Result<Node, Stop> {
        if self.defects.len() >= DEFECTS_MAX {
            // What is still to come would not help anybody, and a hostile file could make it endless.
            return Err(self
                .defect(DefectKind::Bound, range, "too many problems; the rest is not looked at", None)
                .into());
        }
        self.nodes += 1;
        if self.nodes > self.bounds.nodes {
            let message = format!("the document has more than {} keys and values", self.bounds.nodes);
            return Err(self.defect(DefectKind::Bound, range, message, None).into());
        }
        if depth > self.bounds.depth {
            let message = format!("the document is nested deeper than {} levels", self.bounds.depth);
            return Err(self.defect(DefectKind::Bound, range, message, None).into());
        }
        self.refuse_indirection(&event, range);
        match event {
            Event::Scalar(text, style, ..) => Ok(self.scalar(&text, style, range)),
            Event::SequenceStart(..) => self.list(range, depth),
            Event::MappingStart(..) => self.map(range, depth),
            _ => Ok(Node { span: self.places.span(range), value: Value::Null }),
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, range: Range) -> Node {
        let plain = style == ScalarStyle::Plain;
        let meaning = if plain { scalar::resolve(text) } else { Scalar::Text };
        let value = match meaning {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Integer(value) => Value::Number(value.into(), text.to_owned()),
            Scalar::Float(value) => match Number::from_f64(value) {
                Some(number) => Value::Number(number, text.to_owned()),
                None => Value::Text(text.to_owned(), plain),
            },
            Scalar::Text => Value::Text(text.to_owned(), plain),
        };
        Node { span: self.places.span(range), value }
    }

    fn list(&mut self, start: Range, depth: usize) -> Result<Node, Stop> {
        let mut items: Vec<Node> = Vec::new();
        while let Some((event, range)) = self.next()? {
            if matches!(event, Event::SequenceEnd) {
                let span = self.places.around(start, range, items.last().map(|item| item.span));
                return Ok(Node { span, value: Value::List(items) });
            }
            items.push(self.node(event, range, depth + 1)?);
        }
        Err(self.unfinished(start).into())
    }

    fn map(&mut self, start: Range, depth: usize) -> Result<Node, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen = std::collections::BTreeMap::new();
        while let Some((event, range)) = self.next()? {
            if matches!(event, Event::MappingEnd) {
                let span = self.places.around(start, range, entries.last().map(|entry| entry.value.span));
                return Ok(Node { span, value: Value::Map(entries) });
            }
            let key = self.node(event, range, depth + 1)?;
            let Some((event, range)) = self.next()? else { break };
            let value = self.node(event, range, depth + 1)?;
            let Some(name) = self.key(&key) else { continue };
            if let Some(first) = seen.get(&name) {
                let mut defect = self.defect_at(DefectKind::DuplicateKey, key.span, "this key stands twice here", None);
                defect.first = Some(*first);
                defect.hint = Some("keep one of the two");
                self.defects.push(defect);
            } else {
                seen.insert(name.clone(), key.span);
                entries.push(Entry { key: name, span: key.span, value });
            }
        }
        Err(self.unfinished(start).into())
    }

    fn key(&mut self, key: &Node) -> Option<String> {
        match &key.value {
            Value::Text(text, true) if text == "<<" => {
                let message = "merge keys are not supported";
                let defect = self.defect_at(DefectKind::Indirection, key.span, message, Some("write the entries out"));
                self.defects.push(defect);
                None
            }
            Value::Text(text, _) => Some(text.clone()),
            _ => {
                let defect = self.defect_at(DefectKind::Key, key.span, "a key must be text", Some("put it in quotes"));
                self.defects.push(defect);
                None
            }
        }
    }

    fn refuse_indirection(&mut self, event: &Event<'s>, range: Range) {
        let what = match event {
            Event::Alias(_) | Event::UnresolvedAlias(_) => "aliases are not supported",
            event if event.anchor_id().is_some() => "anchors are not supported",
            event if event.tag().is_some() => "tags are not supported",
            _ => return,
        };
        let range = range.tag_span().filter(|_| event.tag().is_some()).unwrap_or(range);
        let hint = if event.tag().is_some() { "remove the tag" } else { "write the value out where it is needed" };
        let defect = self.defect(DefectKind::Indirection, range, what, Some(hint));
        self.defects.push(defect);
    }

    fn scan_error(&self, error: &ScanError) -> Defect {
        let range = Range::empty(*error.marker());
        if let Some(span) = self.places.tab_indentation(range) {
            let message = "a tab cannot be used for indentation";
            return self.defect_at(DefectKind::Tab, span, message, Some("indent with spaces"));
        }
        match error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                let message = format!("the document is nested deeper than {} levels", self.bounds.depth);
                self.defect(DefectKind::Bound, range, message, None)
            }
            _ => self.defect(DefectKind::Syntax, range, format!("this is not YAML: {}", error.info()), None),
        }
    }

    fn unfinished(&self, range: Range) -> Defect {
        self.defect(DefectKind::Syntax, range, "this is not YAML: it does not end", None)
    }

    fn defect(&self, kind: DefectKind, range: Range, message: impl Into<String>, hint: Option<&'static str>) -> Defect {
        self.defect_at(kind, self.places.span(range), message, hint)
    }

    #[expect(clippy::unused_self, reason = "the two forms are called alike")]
    fn defect_at(
        &self,
        kind: DefectKind,
        span: Span,
        message: impl Into<String>,
        hint: Option<&'static str>,
    ) -> Defect {
        Defect { kind, span, message: message.into(), hint, first: None }
    }
}
