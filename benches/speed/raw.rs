//! The raw loop: as many apply requests as heddle has under way, and nothing else.
//!
//! Input: objects in order. Output: the time from the first request to the last answer. It knows what it sends: nothing
//! is read, compared or kept. It is the administrator, so that nothing is impersonated; one client with one pool of
//! connections; a stage is sent when the one before was answered, as it would otherwise be refused.

use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream;
use heddle::adapters::kube::config::{self, Access};
use heddle::adapters::kube::limit::AT_ONCE_MAX;
use heddle::desired::unit::Stage;
use heddle::k8s::kinds;
use heddle::k8s::object::Object;
use http_body_util::BodyExt;

use crate::kubernetes::region::Region;

/// How often a request is sent again when the quota's controller has not counted yet.
const ATTEMPTS: usize = 100;

/// Applies everything; the time, and how many requests were sent again.
pub fn apply(region: &Region, objects: &[(Stage, Object)]) -> (Duration, usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let access = Access::File { path: region.admin_kubeconfig(), context: None };
    let requests: Vec<Vec<(String, Vec<u8>)>> = objects
        .chunk_by(|(a, _), (b, _)| a == b)
        .map(|stage| stage.iter().map(|(_, object)| request(object)).collect())
        .collect();
    runtime.block_on(async {
        let client = config::client(&access).await.expect("a client");
        let mut again = 0;
        let begin = Instant::now();
        for stage in requests {
            let sent = stream::iter(stage).map(|(path, body)| send(&client, path, body)).buffer_unordered(AT_ONCE_MAX);
            again += sent.fold(0, async |sum, repeated| sum + repeated).await;
        }
        (begin.elapsed(), again)
    })
}

fn request(object: &Object) -> (String, Vec<u8>) {
    let path = kinds::object_path(object.id());
    (format!("{path}?fieldManager=raw&force=true"), object.tree().to_string().into_bytes())
}

async fn send(client: &kube::Client, path: String, body: Vec<u8>) -> usize {
    for attempt in 0..ATTEMPTS {
        let request = http::Request::patch(&path)
            .header("Content-Type", "application/apply-patch+yaml")
            .header("Accept", "application/json")
            .body(kube::client::Body::from(body.clone()))
            .expect("a request");
        let response = client.send(request).await.expect("an answer");
        let status = response.status();
        let text = response.into_body().collect().await.expect("a body").to_bytes();
        if status.is_success() {
            return attempt;
        }
        assert_eq!(status, 403, "{path}: {}", String::from_utf8_lossy(&text));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path}: refused {ATTEMPTS} times")
}
