use super::*;

mod lab;
