//! The quick-start fleet within the binary.
//!
//! Input: none. Output: its files by path. Invariant: they are those of `examples/quick-start`.

/// Path and text.
pub const FILES: [(&str, &str); 8] = [
    ("fleet.yaml", include_str!("../../examples/quick-start/fleet.yaml")),
    (
        "tenants/acme/organizations/acme.yaml",
        include_str!("../../examples/quick-start/tenants/acme/organizations/acme.yaml"),
    ),
    ("tenants/acme/tenant.yaml", include_str!("../../examples/quick-start/tenants/acme/tenant.yaml")),
    (
        "tenants/bravo/organizations/bravo.yaml",
        include_str!("../../examples/quick-start/tenants/bravo/organizations/bravo.yaml"),
    ),
    ("tenants/bravo/tenant.yaml", include_str!("../../examples/quick-start/tenants/bravo/tenant.yaml")),
    (
        "tenants/platform/networks/trade.yaml",
        include_str!("../../examples/quick-start/tenants/platform/networks/trade.yaml"),
    ),
    (
        "tenants/platform/organizations/orderer-org.yaml",
        include_str!("../../examples/quick-start/tenants/platform/organizations/orderer-org.yaml"),
    ),
    ("tenants/platform/tenant.yaml", include_str!("../../examples/quick-start/tenants/platform/tenant.yaml")),
];
