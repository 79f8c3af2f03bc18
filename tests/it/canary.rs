//! No byte of a private key on any surface that somebody can read.
//!
//! A fleet gets its keys, meets faults at their creation, renews and loses some, while everything that heddle says is
//! collected: logs at every level, the status branch with its plans and audit records, objects in the cluster, summaries,
//! errors, and what a careless line of ours would print of a Secret on its way. Then each key is looked for in each way
//! in which bytes get into texts.

use std::fmt::Write as _;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use heddle::app::preview::{Subject, preview};
use heddle::model::names::TenantName;
use heddle::model::object::{Kind, ObjectId};
use heddle::ports::cluster::Identity;
use heddle::ports::secret_store::{SecretDraft, SecretStore};
use heddle::sim::faults::{Effect, Fault};
use heddle::sim::store::read::Query;
use heddle::sim::store::resources::Resource;
use heddle::spec::parse::Limits;
use k8s_openapi::ByteString;
use serde_json::Value;

use crate::identities::secrets;
use crate::world::{World, region, world};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every way in which a private key's bytes may stand in a text: as PEM, as base64 of that, as hexadecimal digits, as a
/// list of numbers.
fn forms(secret: &Value) -> Vec<String> {
    let mut forms = Vec::new();
    for key in ["ca.key", "key.pem", "server.key", "client.key"] {
        let Some(data) = secret["data"][key].as_str() else { continue };
        // An inner part of each, which no cut at an end hides.
        forms.push(data.get(80..140).unwrap().to_owned());
        let pem: ByteString = serde_json::from_value(data.into()).unwrap();
        forms.push(format!("{:?}", &pem.0[40..60]).trim_matches(['[', ']']).to_owned());
        let text = String::from_utf8(pem.0).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
        forms.extend(lines.iter().filter(|line| line.len() > 40).map(|line| line.get(8..40).unwrap().to_owned()));
        let der: ByteString = serde_json::from_value(lines.concat().into()).unwrap();
        // The number itself, in its place within PKCS#8 of P-256.
        let scalar = &der.0[36..68];
        forms.push(scalar.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        }));
        forms.push(format!("{scalar:?}").trim_matches(['[', ']']).to_owned());
    }
    forms
}

/// A failure that carries what it is about.
fn refused(draft: &SecretDraft) -> Result<(), &SecretDraft> {
    if draft.values.is_empty() { Ok(()) } else { Err(draft) }
}

/// What a careless line of ours would print of a Secret that is read, written or panicked about.
async fn carelessly(world: &World, surfaces: &mut Vec<(String, String)>) {
    let tenant = TenantName::parse("acme").unwrap();
    for name in secrets(world).keys() {
        let (namespace, name) = name.split_once('/').unwrap();
        let identity = Identity::Tenant { tenant: tenant.clone(), namespace: namespace.into() };
        let id = ObjectId::namespaced(Kind::Secret, namespace, name);
        let (metadata, values) = world.cluster.read_secret(&identity, &id).await.unwrap().unwrap();
        let draft = SecretDraft { id, labels: [].into(), annotations: [].into(), values };
        let panicked = catch_unwind(AssertUnwindSafe(|| refused(&draft).unwrap())).unwrap_err();
        surfaces.push((format!("panic about {name}"), panicked.downcast_ref::<String>().unwrap().clone()));
        surfaces.push((format!("what is read of {name}"), format!("{metadata:?} {:?} {:#?}", draft, draft.values)));
    }
}

fn what_the_cluster_shows(world: &World) -> String {
    let mut text = String::new();
    for plural in [
        "configmaps",
        "namespaces",
        "serviceaccounts",
        "resourcequotas",
        "persistentvolumeclaims",
        "services",
        "events",
    ] {
        let Some(resource) = Resource::by_plural("", plural) else { continue };
        let listed = world.store.list(&Query::all(resource), 0, None).unwrap();
        listed.objects.iter().for_each(|object| writeln!(text, "{object}").unwrap());
    }
    text
}

#[test]
fn no_byte_of_a_private_key_is_on_any_surface() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let mut surfaces: Vec<(String, String)> = Vec::new();
    let mut forms_of_keys = Vec::new();
    tracing::subscriber::with_default(subscriber, || {
        world(7, async |world| {
            world.commit_builtin();
            let pins = [(region(), world.pin.borrow().clone())].into();
            let shown = preview(world.ports(), &pins, Limits::default(), Subject::Tip).await.unwrap();
            surfaces.push(("what a preview shows".into(), format!("{:?}", shown.runs)));
            for (number, fault) in
                [Fault::Refused, Fault::Conflict, Fault::LostAnswer, Fault::LostRequest].into_iter().enumerate()
            {
                world.faults.at_effect(30 + 8 * u64::try_from(number).unwrap(), fault);
            }
            surfaces.push(("summary".into(), format!("{:?}", world.run_once().await)));
            surfaces.push(("summary".into(), format!("{:?}", world.run_once().await)));
            assert!(world.effects_of(Effect::Secret) >= 26);
            carelessly(world, &mut surfaces).await;
            world.clock_forward(Duration::from_hours(24 * 250)).await;
            world.delete("v1", "Secret", "demo-acme--acme", "operator-1");
            surfaces.push(("summary after a renewal and a loss".into(), format!("{:?}", world.run_once().await)));
            for (path, bytes) in world.repository.status_files() {
                surfaces.push((path.to_string(), String::from_utf8(bytes).unwrap()));
            }
            surfaces.push(("the cluster".into(), what_the_cluster_shows(world)));
            surfaces.push((
                "recorded requests".into(),
                format!("{:?} {:?}", world.cluster.requests(), world.faults.recorded()),
            ));
            forms_of_keys = secrets(world).values().flat_map(forms).collect();
        });
    });
    surfaces.push(("logs".into(), String::from_utf8(log.0.lock().unwrap().clone()).unwrap()));
    assert!(surfaces.len() > 60 && surfaces.iter().all(|(name, text)| !text.is_empty() || name.starts_with("what")));
    assert!(forms_of_keys.len() > 26 * 5, "{}", forms_of_keys.len());
    for (name, text) in &surfaces {
        let found: Vec<_> = forms_of_keys.iter().filter(|form| text.contains(form.as_str())).collect();
        assert!(found.is_empty(), "{name} shows {found:?}");
    }
}
