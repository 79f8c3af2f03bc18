//! stub
use std::sync::Arc;
use crate::model::names::RegionName;
use crate::model::object::ObjectId;
use crate::model::unit::UnitId;
use crate::observed::inventory::Inventory;
use crate::observed::object::ObservedObject;
use crate::ports::cluster::Cluster;
pub struct RegionAccess { c: Arc<dyn Cluster>, n: RegionName }
impl RegionAccess {
  pub fn cluster(&self) -> &dyn Cluster { &*self.c }
  pub fn name(&self) -> &RegionName { &self.n }
  pub fn seen(&self, _: &ObjectId) -> Option<ObservedObject> { None }
  pub fn record(&self, _: &ObservedObject) {}
  pub fn forget(&self, _: &ObservedObject) {}
  pub fn gone(&self, _: &ObjectId) {}
  pub fn record_inventory(&self, _: &UnitId, _: &Inventory) {}
}
