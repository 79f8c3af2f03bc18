//! What a revision says when paths, links and contents are not what they should be.

use std::path::Path;

use async_trait::async_trait;

use super::*;
use crate::ports::source::{Entry, Fetched};
use crate::spec::codes;

/// A repository that is a tree and some bytes.
struct Given {
    tree: SourceTree,
    blobs: BTreeMap<BlobId, Vec<u8>>,
}

#[async_trait]
impl Source for Given {
    async fn fetch(&self, _: Option<Revision>) -> Result<Fetched, SourceError> {
        Ok(Fetched { revision: revision(), rewritten: false })
    }

    async fn tree(&self, _: Revision) -> Result<SourceTree, SourceError> {
        Ok(self.tree.clone())
    }

    async fn read(&self, blobs: &[BlobId], max_bytes: u64) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError> {
        let mut read = BTreeMap::new();
        for id in blobs {
            let missing = || SourceError::Missing { what: format!("blob {id}") };
            let bytes = self.blobs.get(id).ok_or_else(missing)?;
            if bytes.len() as u64 > max_bytes {
                return Err(SourceError::TooLarge { what: format!("blob {id}"), limit: max_bytes });
            }
            read.insert(*id, bytes.clone());
        }
        Ok(read)
    }
}

fn revision() -> Revision {
    Revision::from_bytes([1; 20])
}

fn path(text: &str) -> RepoPath {
    RepoPath::parse(text).unwrap()
}

fn unit(text: &str) -> UnitId {
    UnitId::parse(text).unwrap()
}

fn walk(base: &Path, folder: &Path, files: &mut Vec<(RepoPath, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let found = entry.unwrap().path();
        if found.is_dir() {
            walk(base, &found, files);
        } else {
            files.push((path(found.strip_prefix(base).unwrap().to_str().unwrap()), std::fs::read(&found).unwrap()));
        }
    }
}

/// A fleet of two tenants as a repository whose store does not say sizes.
fn two_tenants() -> Given {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/fabric-ca");
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    let mut tree = SourceTree { revision: Some(revision()), entries: BTreeMap::new(), unreadable_paths: Vec::new() };
    let mut blobs = BTreeMap::new();
    for (number, (path, bytes)) in files.into_iter().enumerate() {
        let blob = BlobId::from_bytes([u8::try_from(number).unwrap() + 1; 20]);
        tree.entries.insert(path, Entry { blob, size: 0, kind: EntryKind::File });
        blobs.insert(blob, bytes);
    }
    Given { tree, blobs }
}

fn tenants(source: &Given) -> Vec<String> {
    let folders = source.tree.entries.keys().filter(|path| path.as_str().ends_with("tenant.yaml"));
    folders.map(|path| path.parts().nth(1).unwrap().to_owned()).collect()
}

fn codes_of(found: &[Diagnostic]) -> Vec<crate::model::diagnostic::Code> {
    found.iter().map(|diagnostic| diagnostic.code).collect()
}

#[tokio::test]
async fn content_that_is_not_there_makes_its_unit_invalid_and_nobody_elses() {
    for too_large in [false, true] {
        let mut source = two_tenants();
        let [first, second] = tenants(&source).try_into().unwrap();
        let blob = source.tree.entries[&path(&format!("tenants/{first}/tenant.yaml"))].blob;
        let bytes = source.blobs.remove(&blob).unwrap();
        if too_large {
            source.blobs.insert(blob, vec![b'x'; 2 * 1024 * 1024]);
        }
        let mut evaluator = Evaluator::default();
        let evaluation = evaluator.evaluate(&source, revision()).await.unwrap();
        let (first, second) = (unit(&format!("tenant/{first}")), unit(&format!("tenant/{second}")));
        assert!(!evaluation.is_valid(&first));
        assert!(evaluation.invalid_units().any(|unit| *unit == first), "it is declared and has not vanished");
        assert_eq!(codes_of(&evaluation.diagnostics_of(&first)), [codes::NOT_DELIVERED]);
        assert!(evaluation.is_valid(&second));
        assert!(evaluation.fleet().unwrap().tenants.keys().any(|tenant| UnitId::Tenant(tenant.clone()) == second));
        source.blobs.insert(blob, bytes);
        let evaluation = evaluator.evaluate(&source, revision()).await.unwrap();
        assert_eq!(evaluation.diagnostics(), [], "it is asked for again");
    }
}

#[tokio::test]
async fn a_source_that_does_not_answer_at_all_is_no_invalid_file() {
    struct Silent(Given);
    #[async_trait]
    impl Source for Silent {
        async fn fetch(&self, known: Option<Revision>) -> Result<Fetched, SourceError> {
            self.0.fetch(known).await
        }
        async fn tree(&self, revision: Revision) -> Result<SourceTree, SourceError> {
            self.0.tree(revision).await
        }
        async fn read(&self, _: &[BlobId], _: u64) -> Result<BTreeMap<BlobId, Vec<u8>>, SourceError> {
            Err(SourceError::Unreachable { url: "u".into(), detail: "d".into() })
        }
    }
    let answer = Evaluator::default().evaluate(&Silent(two_tenants()), revision()).await;
    assert!(matches!(answer, Err(SourceError::Unreachable { .. })));
}

#[test]
fn a_path_that_no_document_can_have_is_told_and_hides_nothing() {
    let mut source = two_tenants();
    source.tree.unreadable_paths = vec!["tenants/b\\xff".to_owned()];
    let evaluation = Evaluator::default().evaluate_tree(&source.tree, &source.blobs);
    assert_eq!(codes_of(evaluation.diagnostics()), [codes::UNREADABLE_PATH]);
    assert!(evaluation.diagnostics()[0].message.contains("tenants/b\\xff"));
    assert_eq!(evaluation.invalid_units().count(), 0);
}

#[test]
fn what_a_link_hides_is_invalid_and_not_gone() {
    let mut source = two_tenants();
    let [first, second] = tenants(&source).try_into().unwrap();
    let folder = format!("tenants/{first}");
    source.tree.entries.retain(|path, _| !path.as_str().starts_with(&folder));
    let entry = Entry { blob: BlobId::from_bytes([99; 20]), size: 0, kind: EntryKind::Symlink };
    source.tree.entries.insert(path(&folder), entry);
    let evaluation = Evaluator::default().evaluate_tree(&source.tree, &source.blobs);
    let hidden = unit(&format!("tenant/{first}"));
    assert!(!evaluation.is_valid(&hidden));
    assert_eq!(codes_of(&evaluation.diagnostics_of(&hidden)), [codes::SYMLINK]);
    assert!(!evaluation.is_valid(&unit(&format!("organization/{first}/any"))));
    assert!(evaluation.is_valid(&unit(&format!("tenant/{second}"))));
    assert!(evaluation.is_valid(&unit(&format!("tenant/{first}x"))), "only what lies below the link");
}
