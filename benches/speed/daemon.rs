//! The loop as it runs for months: how fast a push is answered, and what it holds while nothing happens.
//!
//! Input: an installation on a region. Output: samples. A push is timed from the moment before the branch moves.

use std::time::{Duration, Instant};

use crate::cold;
use crate::contract::server::Api;
use crate::installation::{Installation, STATUS};
use crate::kubernetes::binaries::Binaries;
use crate::kubernetes::chart;
use crate::kubernetes::region::{ControlPlane, Region};
use crate::process;
use crate::results::Results;
use crate::rounds::CONTROLLERS;

/// About ten thousand objects.
const MANY: usize = 233;
const PUSHES: usize = 3;
const LONGEST: Duration = Duration::from_mins(2);

/// Pushes a change of one field while the loop runs, several times.
pub fn measure_pushes(results: &mut Results, region: &Region, installation: &Installation) {
    let running = process::start(&mut installation.command(&["run"]), &installation.folder.join("daemon.log"));
    running.wait_for_rest();
    results.add("heddle: loop at rest, 4,000 objects, resident", "MiB", running.mebibytes("VmRSS"));
    let api = Api::admin(region);
    for push in 0..PUSHES {
        let tenant = format!("t{:04}", 40 + push);
        let path = format!("/api/v1/namespaces/{}-{tenant}/resourcequotas/quota", installation.name);
        let name = quota(&api, &installation.name, &tenant).unwrap_or(path);
        let begin = Instant::now();
        let commit = installation
            .push(&format!("tenants/{tenant}/tenant.yaml"), |text| text.replace("cpu: \"400\"", "cpu: \"401\""));
        let applied = wait(begin, || api.get(&name).body["spec"]["hard"]["requests.cpu"] == "401");
        let status = format!("tenants/{tenant}/status.yaml");
        let reported = wait(begin, || {
            let text = installation.host.read(STATUS, &status).ok().flatten().unwrap_or_default();
            text.contains(&commit) && text.contains("state: Converged")
        });
        results.add("heddle: push of one field, until applied", "s", applied.as_secs_f64());
        results.add("heddle: push of one field, until reported", "s", reported.as_secs_f64());
        std::thread::sleep(Duration::from_secs(1));
    }
    let ended = running.stop();
    assert_eq!(ended.code, Some(0), "{}", cold::tail(&ended.log));
}

/// The path of the tenant's quota.
fn quota(api: &Api<'_>, installation: &str, tenant: &str) -> Option<String> {
    let path = format!("/api/v1/namespaces/{installation}-{tenant}/resourcequotas");
    let name = api.get(&path).body["items"][0]["metadata"]["name"].as_str()?.to_owned();
    Some(format!("{path}/{name}"))
}

fn wait(begin: Instant, mut holds: impl FnMut() -> bool) -> Duration {
    while !holds() {
        assert!(begin.elapsed() < LONGEST, "not within {} s", LONGEST.as_secs());
        std::thread::sleep(Duration::from_millis(5));
    }
    begin.elapsed()
}

/// Ten thousand objects, and a loop that has nothing to do.
pub fn measure_rest(results: &mut Results, binaries: &Binaries) {
    println!("rest");
    let plane = ControlPlane::start(binaries);
    let region = plane.region_with("local", CONTROLLERS);
    if let Err(why) = chart::install(binaries, &region) {
        println!("rest: did not run: {why}");
        return;
    }
    let installation = Installation::new("heddle", &region, MANY);
    let running = process::start(&mut installation.command(&["run"]), &installation.folder.join("first.log"));
    running.wait_for_rest();
    let changes = running.log().lines().filter(|line| line.contains("\"message\":\"change\"")).count();
    println!("  {changes} changes made");
    results.add("heddle: loop that made 10,000 objects, resident", "MiB", running.mebibytes("VmRSS"));
    results.add("heddle: the same, its peak", "MiB", running.mebibytes("VmHWM"));
    running.stop();
    let running = process::start(&mut installation.command(&["run"]), &installation.folder.join("second.log"));
    running.wait_for_rest();
    results.add("heddle: loop at rest, 10,000 objects, resident", "MiB", running.mebibytes("VmRSS"));
    results.add("heddle: the same, its peak after start", "MiB", running.mebibytes("VmHWM"));
    running.stop();
}
