//! The contract of ordering nodes and peers, on the simulated ones.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use heddle::ports::clock::Clock as _;
use heddle::ports::dialer::{Dialer, Route};
use heddle::sim::fabric::dialer::SimDialer;
use heddle::sim::fabric::net::FabricNet;

use crate::ledger::fleet::Fleet;
use crate::ledger::network::{Machines, Network, files, nodes};
use crate::ledger::{CASES, Node, Soon};

struct Simulated {
    fleet: Rc<Fleet>,
    net: Arc<FabricNet>,
}

impl Simulated {
    fn start_all(fleet: Rc<Fleet>) -> Self {
        let net = FabricNet::new(Arc::new(|| heddle::adapters::system::SystemClock.now()));
        let machines = Self { fleet, net };
        for node in nodes() {
            let files = files(&machines.fleet, node);
            machines.net.place(&files.service(), files.container.clone());
            machines.begin(node);
        }
        machines
    }

    fn service(&self, node: Node) -> String {
        files(&self.fleet, node).service()
    }

    fn begin(&self, node: Node) {
        self.net.start(&self.service(node)).expect("it starts");
    }
}

impl Machines for Simulated {
    fn dialer(&self) -> Arc<dyn Dialer> {
        Arc::new(SimDialer(Arc::clone(&self.net)))
    }

    fn route(&self, node: Node, port: u16) -> Route {
        let files = files(&self.fleet, node);
        Route::Service { namespace: files.namespace.clone(), name: files.name.clone(), port }
    }

    fn start(&self, node: Node) -> Soon<'_> {
        Box::pin(async move { self.begin(node) })
    }

    fn kill(&self, node: Node) -> Soon<'_> {
        Box::pin(async move { self.net.kill(&self.service(node)) })
    }

    fn wipe(&self, node: Node) {
        self.net.wipe(&self.service(node));
    }

    fn pause(&self, time: Duration) -> Soon<'_> {
        Box::pin(tokio::time::sleep(time))
    }
}

#[test]
fn simulated_nodes_keep_the_contract_of_real_ones() {
    for version in ["2.5.16", "3.1.5"] {
        let fleet = Rc::new(Fleet::bring_up(version));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let network = Network::new(Rc::clone(&fleet), Simulated::start_all(fleet));
        for (name, check) in CASES {
            println!("{version}: {name}");
            runtime.block_on(check(&network));
        }
    }
}
