//! One round: everybody on one new server, one after the other.
//!
//! Input: the number of the round. Output: samples. Each has the same objects under an installation's name of its own,
//! so that nobody finds what another one made. Only the controllers run that these objects need to be taken at all.

use crate::cold;
use crate::daemon;
use crate::installation::{self, Installation};
use crate::kubectl::Manifests;
use crate::kubernetes::binaries::Binaries;
use crate::kubernetes::chart;
use crate::kubernetes::region::ControlPlane;
use crate::process;
use crate::raw;
use crate::results::Results;

/// Quotas must be counted before claims are let in; accounts and namespaces belong to every cluster.
pub const CONTROLLERS: &str = "namespace-controller,resourcequota-controller,serviceaccount-controller";
/// About four thousand objects.
const TENANTS: usize = 93;
const ORDERS: [[&str; 3]; 3] =
    [["heddle", "raw", "kubectl"], ["raw", "kubectl", "heddle"], ["kubectl", "heddle", "raw"]];

/// Runs a round.
pub fn measure(results: &mut Results, binaries: &Binaries, round: usize) {
    println!("round {}", round + 1);
    let plane = ControlPlane::start(binaries);
    let region = plane.region_with("local", CONTROLLERS);
    if let Err(why) = chart::install(binaries, &region) {
        println!("rounds: did not run: {why}");
        return;
    }
    let heddle = Installation::new("heddle", &region, TENANTS);
    let for_kubectl = installation::objects("kubectl", TENANTS);
    let manifests = Manifests::write(&region, "kubectl", &for_kubectl);
    for who in ORDERS[round % ORDERS.len()] {
        match who {
            "heddle" => {
                let run = cold::run_once(&heddle, "cold");
                assert_eq!(run.changes, for_kubectl.len(), "everything is made once");
                println!("  heddle asked: {}", run.requests);
                results.add("heddle: cold, until the last object", "s", run.applied.as_secs_f64());
                results.add("heddle: cold, whole process", "s", run.ended.time.as_secs_f64());
                results.add("heddle: cold, processor", "s", run.ended.processor);
            }
            "raw" => {
                let objects = installation::objects("raw", TENANTS);
                let (time, again) = raw::apply(&region, &objects);
                println!("  raw: {} objects, {again} sent again", objects.len());
                results.add("raw: cold", "s", time.as_secs_f64());
            }
            _ => {
                let ended = manifests.apply(binaries, &region);
                results.add("kubectl: cold", "s", ended.time.as_secs_f64());
                results.add("kubectl: cold, processor", "s", ended.processor);
            }
        }
    }
    nothing_changed(results, binaries, (&region, &heddle, &manifests), round);
    daemon::measure_pushes(results, &region, &heddle);
}

fn nothing_changed(
    results: &mut Results,
    binaries: &Binaries,
    (region, heddle, manifests): (&crate::kubernetes::region::Region, &Installation, &Manifests),
    round: usize,
) {
    let diff = |results: &mut Results| {
        let ended = manifests.diff(binaries, region);
        results.add("kubectl: diff", "s", ended.time.as_secs_f64());
        results.add("kubectl: diff, processor", "s", ended.processor);
    };
    if round.is_multiple_of(2) {
        diff(results);
    }
    let plan = process::run(&mut heddle.command(&["plan"]), &heddle.folder.join("plan.log"));
    assert_eq!(plan.code, Some(3), "{}", cold::tail(&plan.log));
    results.add("heddle: plan", "s", plan.time.as_secs_f64());
    results.add("heddle: plan, processor", "s", plan.processor);
    let run = cold::run_once(heddle, "again");
    assert_eq!((run.changes, run.object_requests), (0, 0), "nothing changed, so nothing is asked");
    println!("  heddle asked: {}", run.requests);
    results.add("heddle: run --once", "s", run.ended.time.as_secs_f64());
    results.add("heddle: run --once, object requests", "", run.object_requests as f64);
    if round % 2 == 1 {
        diff(results);
    }
}
