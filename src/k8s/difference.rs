//! stub
use super::object::Object;
use serde_json::Value;
pub struct Difference {
    pub fields: Vec<FieldDifference>,
    pub foreign: Vec<Foreign>,
    pub immutable: Vec<String>,
}
pub struct Foreign {
    pub path: String,
    pub manager: String,
}
pub enum FieldClass {
    Changed,
    Removed,
    Lost { manager: String },
}
pub struct FieldDifference {
    pub path: String,
    pub class: FieldClass,
    pub live: Option<Value>,
    pub desired: Option<Value>,
}
pub fn compare(_: &Object, _: &Value, _: &str) -> Difference {
    Difference { fields: vec![], foreign: vec![], immutable: vec![] }
}
pub fn has_path(_: &Object, _: &str) -> bool {
    false
}
