//! One Rust file as the rules see it: its place, its syntax tree, and every name that it mentions.
//!
//! Input: a path and its text. Output: [`Source`]. It judges nothing. Invariants: a name is found wherever it stands
//! (imports, types, expressions, attributes, the tokens of macros), with what an import stands for put in its place.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Names of the standard library's crates.
pub(super) const STANDARD: [&str; 3] = ["std", "core", "alloc"];

/// What a mentioned name leads to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Something of this crate, by its path from the root.
    Own(Vec<String>),
    /// Something of another crate, that crate's name first.
    Foreign(Vec<String>),
}

/// One name in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mention {
    pub(super) line: usize,
    pub(super) target: Target,
    pub(super) in_test: bool,
}

/// One imported name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) line: usize,
    /// As written.
    pub(super) path: Vec<String>,
    /// The last part of `path` is `*`.
    pub(super) glob: bool,
    /// Visible to others.
    pub(super) shared: bool,
    pub(super) in_test: bool,
}

/// A function's place and length, from its signature to its closing brace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) lines: usize,
}

/// One file.
pub(super) struct Source {
    /// Relative to the project's root, with `/`.
    pub(super) path: String,
    pub(super) lines: usize,
    /// Lines of items that exist only in tests.
    pub(super) test_lines: usize,
    /// Path of its module from the crate's root; empty for the root.
    pub(super) module: Vec<String>,
    /// The whole file exists only in tests.
    pub(super) is_test: bool,
    /// The text of `//!`.
    pub(super) doc: String,
    pub(super) mentions: Vec<Mention>,
    pub(super) imports: Vec<Import>,
    pub(super) functions: Vec<Function>,
    /// `mod name;` with the file that `#[path]` gives, if any.
    pub(super) children: Vec<(Vec<String>, Option<String>)>,
    /// Names of macros that are called, with their line, outside of tests.
    pub(super) macros: Vec<(usize, String)>,
    /// Attributes by name, with their line.
    pub(super) attributes: Vec<(usize, String)>,
    /// Tests, by their path in this module.
    pub(super) tests: Vec<String>,
    /// Names of types and modules that are declared, with their line.
    pub(super) declared: Vec<(usize, String)>,
    /// Lines with `async` or `.await` outside of tests.
    pub(super) asynchronous: Vec<usize>,
}

impl Source {
    /// Reads a file's text. `foreign`: the crates that may be named.
    pub(super) fn parse(path: &str, text: &str, foreign: &BTreeSet<String>) -> Result<Self, syn::Error> {
        let file = syn::parse_file(text)?;
        let module = module_of(path);
        let is_test = !path.starts_with("src/") || module.iter().any(|part| part == "tests");
        let mut reader = Reader { own: module.len(), module, test_depth: usize::from(is_test), ..Reader::new(foreign) };
        reader.names_of(&file);
        reader.visit_file(&file);
        let resolved = reader.resolved();
        Ok(Self {
            path: path.to_owned(),
            lines: text.lines().count(),
            test_lines: reader.test_lines,
            module: module_of(path),
            is_test,
            doc: documentation(&file.attrs),
            mentions: resolved,
            imports: reader.imports,
            functions: reader.functions,
            children: reader.children,
            macros: reader.macros,
            attributes: reader.attributes,
            tests: reader.tests,
            declared: reader.declared,
            asynchronous: reader.asynchronous,
        })
    }
}

/// The module that a file is, by its path.
pub(super) fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    inside.split('/').filter(|part| !["lib", "main"].contains(part)).map(str::to_owned).collect()
}

/// The text of doc comments.
fn documentation(attributes: &[syn::Attribute]) -> String {
    let texts = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "test"))
}

fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let last = attribute.path().segments.last().map(|part| part.ident.to_string());
        let condition = match &attribute.meta {
            syn::Meta::List(inner) => inner.tokens.to_string(),
            _ => String::new(),
        };
        last.as_deref() == Some("test") || (last.as_deref() == Some("cfg") && condition == "test")
    })
}

struct Raw {
    line: usize,
    module: Vec<String>,
    path: Vec<String>,
    in_test: bool,
}

/// An imported name: in which module, and what it stands for there.
struct Alias {
    module: Vec<String>,
    stands_for: Vec<String>,
}

struct Reader<'a> {
    foreign: &'a BTreeSet<String>,
    /// How many parts of `module` are the file's own.
    own: usize,
    module: Vec<String>,
    test_depth: usize,
    test_lines: usize,
    raw: Vec<Raw>,
    aliases: BTreeMap<String, Vec<Alias>>,
    modules: BTreeSet<String>,
    imports: Vec<Import>,
    functions: Vec<Function>,
    children: Vec<(Vec<String>, Option<String>)>,
    macros: Vec<(usize, String)>,
    attributes: Vec<(usize, String)>,
    tests: Vec<String>,
    declared: Vec<(usize, String)>,
    asynchronous: Vec<usize>,
}

impl<'a> Reader<'a> {
    fn new(foreign: &'a BTreeSet<String>) -> Self {
        Self {
            foreign,
            own: 0,
            module: Vec::new(),
            test_depth: 0,
            test_lines: 0,
            raw: Vec::new(),
            aliases: BTreeMap::new(),
            modules: BTreeSet::new(),
            imports: Vec::new(),
            functions: Vec::new(),
            children: Vec::new(),
            macros: Vec::new(),
            attributes: Vec::new(),
            tests: Vec::new(),
            declared: Vec::new(),
            asynchronous: Vec::new(),
        }
    }

    /// The modules that the file declares anywhere: they win over crates of the same name.
    fn names_of(&mut self, file: &syn::File) {
        struct Modules<'b>(&'b mut BTreeSet<String>);
        impl<'ast> Visit<'ast> for Modules<'_> {
            fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
                self.0.insert(item.ident.to_string());
                visit::visit_item_mod(self, item);
            }
        }
        Modules(&mut self.modules).visit_file(file);
    }

    fn mention(&mut self, span: Span, path: Vec<String>) {
        let raw = Raw { line: span.start().line, module: self.module.clone(), path, in_test: self.test_depth > 0 };
        self.raw.push(raw);
    }

    /// Names in tokens that are not parsed: `a::b::c`.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut begin = Span::call_site();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.close(begin, &mut path);
                        begin = ident.span();
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.close(begin, &mut path);
                    colons = 0;
                    self.scan(group.stream());
                }
                _ => {
                    self.close(begin, &mut path);
                    colons = 0;
                }
            }
        }
        self.close(begin, &mut path);
    }

    fn close(&mut self, begin: Span, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.mention(begin, path);
        }
    }

    fn import(&mut self, item: &syn::ItemUse, tree: &syn::UseTree, before: &[String]) {
        let with = |part: &syn::Ident| before.iter().cloned().chain([part.to_string()]).collect::<Vec<_>>();
        match tree {
            syn::UseTree::Path(path) => self.import(item, &path.tree, &with(&path.ident)),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(item, tree, before);
                }
            }
            syn::UseTree::Name(name) if name.ident == "self" => self.imported(item, before.to_vec(), None, false),
            syn::UseTree::Name(name) => self.imported(item, with(&name.ident), None, false),
            syn::UseTree::Rename(rename) if rename.ident == "self" => {
                self.imported(item, before.to_vec(), Some(rename.rename.to_string()), false);
            }
            syn::UseTree::Rename(rename) => {
                self.imported(item, with(&rename.ident), Some(rename.rename.to_string()), false);
            }
            syn::UseTree::Glob(_) => self.imported(item, before.to_vec(), None, true),
        }
    }

    fn imported(&mut self, item: &syn::ItemUse, path: Vec<String>, name: Option<String>, glob: bool) {
        let name = name.or_else(|| path.last().cloned()).filter(|_| !glob);
        if let Some(name) = name {
            self.aliases.entry(name).or_default().push(Alias { module: self.module.clone(), stands_for: path.clone() });
        }
        self.mention(item.span(), path.clone());
        self.imports.push(Import {
            line: item.span().start().line,
            path,
            glob,
            shared: !matches!(item.vis, syn::Visibility::Inherited),
            in_test: self.test_depth > 0,
        });
    }

    /// What every mention leads to, sorted, each once.
    fn resolved(&self) -> Vec<Mention> {
        let mut found = BTreeSet::new();
        for raw in &self.raw {
            let mut seen = BTreeSet::new();
            for target in self.targets(&raw.module, &raw.path, &mut seen) {
                found.insert(Mention { line: raw.line, target, in_test: raw.in_test });
            }
        }
        found.into_iter().collect()
    }

    fn targets(&self, module: &[String], path: &[String], seen: &mut BTreeSet<String>) -> Vec<Target> {
        let Some(first) = path.first() else { return Vec::new() };
        match first.as_str() {
            "crate" | "heddle" => return vec![Target::Own(path[1..].to_vec())],
            "self" => return vec![Target::Own([module, &path[1..]].concat())],
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let kept = &module[..module.len().saturating_sub(ups)];
                return vec![Target::Own([kept, &path[ups..]].concat())];
            }
            _ => {}
        }
        if let Some(aliases) = self.aliases.get(first)
            && seen.insert(first.clone())
        {
            let whole = aliases.iter().map(|alias| (&alias.module, [&alias.stands_for, &path[1..]].concat()));
            return whole.flat_map(|(module, path)| self.targets(module, &path, seen)).collect();
        }
        if !self.modules.contains(first) && (STANDARD.contains(&first.as_str()) || self.foreign.contains(first)) {
            return vec![Target::Foreign(path.to_vec())];
        }
        Vec::new()
    }

    fn within(&mut self, attributes: &[syn::Attribute], span: Span, visit: impl FnOnce(&mut Self)) {
        let for_tests = is_for_tests(attributes);
        if for_tests && self.test_depth == 0 {
            self.test_lines += lines_of(span);
        }
        self.test_depth += usize::from(for_tests);
        visit(self);
        self.test_depth -= usize::from(for_tests);
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (line, end) = (signature.span().start().line, block.span().end().line);
        self.functions.push(Function { name: signature.ident.to_string(), line, lines: end + 1 - line });
        if signature.asyncness.is_some() {
            self.awaits(signature.span());
        }
    }

    fn test(&mut self, name: &syn::Ident) {
        let inner = self.module.iter().skip(self.own).cloned().chain([name.to_string()]);
        self.tests.push(inner.collect::<Vec<_>>().join("::"));
    }

    /// The tests that a `proptest!` holds: its functions.
    fn properties(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        for pair in tokens.windows(2) {
            if let [TokenTree::Ident(keyword), TokenTree::Ident(name)] = pair
                && keyword == "fn"
            {
                self.test(name);
            }
        }
    }

    fn awaits(&mut self, span: Span) {
        if self.test_depth == 0 {
            self.asynchronous.push(span.start().line);
        }
    }

    fn declares(&mut self, name: &syn::Ident) {
        self.declared.push((name.span().start().line, name.to_string()));
    }
}

fn lines_of(span: Span) -> usize {
    span.end().line + 1 - span.start().line
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.declares(&item.ident);
        self.module.push(item.ident.to_string());
        if item.content.is_none() {
            let file = item.attrs.iter().find_map(|attribute| match &attribute.meta {
                syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
                    syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                    _ => None,
                },
                _ => None,
            });
            self.children.push((self.module.clone(), file));
        }
        self.within(&item.attrs, item.span(), |reader| visit::visit_item_mod(reader, item));
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.within(&item.attrs, item.span(), |reader| {
            reader.import(item, &item.tree, &[]);
            visit::visit_visibility(reader, &item.vis);
        });
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if is_test(&item.attrs) {
            self.test(&item.sig.ident);
        }
        self.within(&item.attrs, item.span(), |reader| {
            reader.function(&item.sig, &item.block);
            visit::visit_item_fn(reader, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.within(&item.attrs, item.span(), |reader| {
            reader.function(&item.sig, &item.block);
            visit::visit_impl_item_fn(reader, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if item.sig.asyncness.is_some() {
            self.awaits(item.sig.span());
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.within(&item.attrs, item.span(), |reader| visit::visit_item_impl(reader, item));
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.declares(&item.ident);
        self.within(&item.attrs, item.span(), |reader| visit::visit_item_struct(reader, item));
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.declares(&item.ident);
        self.within(&item.attrs, item.span(), |reader| visit::visit_item_enum(reader, item));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.declares(&item.ident);
        self.within(&item.attrs, item.span(), |reader| visit::visit_item_trait(reader, item));
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.declares(&item.ident);
        self.within(&item.attrs, item.span(), |reader| visit::visit_item_type(reader, item));
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.attributes.push((item.span().start().line, "extern crate".to_owned()));
    }

    fn visit_expr_await(&mut self, expression: &'ast syn::ExprAwait) {
        self.awaits(expression.await_token.span());
        visit::visit_expr_await(self, expression);
    }

    fn visit_expr_async(&mut self, expression: &'ast syn::ExprAsync) {
        self.awaits(expression.async_token.span());
        visit::visit_expr_async(self, expression);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.mention(path.span(), path.segments.iter().map(|part| part.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|part| part.ident.to_string()).unwrap_or_default();
        if self.test_depth == 0 {
            self.macros.push((call.path.span().start().line, name.clone()));
        }
        if name == "proptest" {
            self.properties(call.tokens.clone());
        }
        self.scan(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        let name = attribute.path().segments.last().map(|part| part.ident.to_string()).unwrap_or_default();
        let line = attribute.span().start().line;
        self.attributes.push((line, name));
        if let syn::Meta::List(list) = &attribute.meta {
            self.scan(list.tokens.clone());
        }
        visit::visit_attribute(self, attribute);
    }
}
