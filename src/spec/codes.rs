//! The codes of the problems that a repository can have, with their meaning.
//!
//! Input: nothing. Output: one [`Code`] for each kind of problem and the [`CATALOGUE`] for documentation. `1xxx` is the
//! source, `2xxx` one document, `3xxx` documents together. Invariant: a code is never reused for another meaning.

use crate::model::diagnostic::Code;

macro_rules! codes {
    ($($name:ident = $number:literal, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub const $name: Code = Code($number);
        )*

        /// All codes in order, each with its meaning.
        pub const CATALOGUE: &[(Code, &str)] = &[$((Code($number), $meaning)),*];
    };
}

codes! {
    SYMLINK = 1001, "a path that heddle reads is a symbolic link";
    SUBMODULE = 1002, "a path that heddle reads is a submodule";
    TOO_LARGE = 1003, "a file has more bytes than the limit";
    NO_FLEET = 1004, "the repository has no fleet.yaml";
    NOT_DELIVERED = 1005, "the content of a file could not be had";
    UNREADABLE_PATH = 1006, "a path is not plain text, or lies too deep";
    ENCODING = 2001, "a file is not UTF-8";
    CHARACTER = 2002, "a file holds a control character or a byte order mark";
    SYNTAX = 2003, "a file is not YAML";
    TAB = 2004, "a tab is used for indentation";
    DUPLICATE_KEY = 2005, "a key stands twice in one map";
    INDIRECTION = 2006, "an anchor, alias, merge key, tag or directive is used";
    SECOND_DOCUMENT = 2007, "a file holds more than one document";
    BOUND = 2008, "a document is nested too deeply or has too many parts";
    KEY = 2009, "a key is not text";
    EMPTY = 2010, "a file holds no document";
    API_VERSION = 2020, "a document's apiVersion is not one that this version reads";
    WRONG_KIND = 2021, "a document's kind does not belong at its path";
    UNKNOWN_KIND = 2022, "a document's kind is not supported by this version";
    NAME_MISMATCH = 2023, "metadata.name differs from the file's or folder's name";
    PATH_NAME = 2024, "a folder or file name is not a valid name";
    MISPLACED = 2025, "a YAML file lies where heddle reads nothing";
    NEAR_MISS = 2026, "a YAML file lies almost where heddle would read it";
    NO_FOLDER = 2027, "a file lies where a folder is expected";
    UNKNOWN_FIELD = 2030, "a field does not exist";
    MISSING_FIELD = 2031, "a required field is missing";
    WRONG_TYPE = 2032, "a value has the wrong type";
    NOT_ALLOWED = 2033, "a value is not one of the allowed ones";
    WRONG_FORM = 2034, "a text has the wrong form";
    OUT_OF_RANGE = 2035, "a number, a text's length or a list's length is out of range";
    REPEATED_ITEM = 2036, "a list holds a value twice";
    NULL = 2037, "a value is missing after the colon";
    OTHER_RULE = 2038, "a value breaks another rule of the schema";
    QUANTITY = 2040, "a text is not a usable Kubernetes quantity";
    NOT_CANONICAL = 2041, "a quantity is not written as Kubernetes writes it";
    NO_STORAGE = 2042, "neither a node nor its organization says where it stores its data";
    LIMIT_BELOW_REQUEST = 2043, "a CPU limit is below the request";
    CA_SETTING = 2044, "a certificate authority has a setting that its mode does not have";
    CA_REGIONS = 2045, "a builtin certificate authority names another number of regions than one";
    SECRET_FIELD = 2050, "a field that looks like a secret has its value in clear";
    PEM = 2051, "a file holds a PEM block";
    TOKEN = 2052, "a value looks like an access token or a URL with a password";
    NO_TENANT = 3001, "a document lies in a tenant's folder that has no tenant.yaml";
    UNKNOWN_REGION = 3002, "a region is not one of the fleet's";
    REGION_NOT_GRANTED = 3003, "a region is not one of the tenant's";
    UNKNOWN_PROFILE = 3004, "a storage profile is not one of the fleet's";
    NO_STORAGE_CLASS = 3005, "a storage profile has no class for a region";
    UNKNOWN_NETWORK = 3006, "a node names a network that does not exist";
    NOT_A_MEMBER = 3007, "a node names a network that does not list its organization";
    WRONG_ROLE = 3008, "a node's role is not the one that the network gives its organization";
    UNKNOWN_ORGANIZATION = 3009, "a network names an organization that does not exist";
    DUPLICATE_MEMBER = 3010, "a network has two members of one name";
    DUPLICATE_ORGANIZATION = 3011, "a network lists an organization twice";
    DUPLICATE_MSP = 3012, "two members of a network have one MSP id";
    DUPLICATE_NODE = 3013, "an organization has two nodes of one name in a network";
    DUPLICATE_ADDRESS = 3014, "two nodes of a network have one address";
    STILL_ACTIVE = 3015, "a thing is decommissioned but something that it holds is active";
    LEAVING = 3016, "a thing refers to another one that is decommissioned";
    BUILDS_ON_BROKEN = 3017, "a document builds on another one that has errors";
    OVER_QUOTA = 3018, "the nodes in a region need more than the tenant's quota";
    KEYS_ELSEWHERE = 3019, "a node runs in another region than the keys of its organization's builtin authority";
    DUPLICATE_CHANNEL = 3020, "a network has two channels of one name";
    UNKNOWN_MEMBER = 3021, "a channel names a member that its network does not have";
    MEMBER_WITHOUT_PEERS = 3022, "a channel names a member that has no peers in its network";
    NOBODY_ORDERS = 3023, "a channel has no ordering node";
    ISSUED_ELSEWHERE = 3024, "a channel has an organization whose certificates heddle does not issue";
}

#[cfg(test)]
mod tests {
    use super::CATALOGUE;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(CATALOGUE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(CATALOGUE.iter().all(|(code, meaning)| (1000..4000).contains(&code.0) && !meaning.ends_with('.')));
    }

    #[test]
    fn meanings_are_unique() {
        let meanings: std::collections::BTreeSet<_> = CATALOGUE.iter().map(|(_, meaning)| meaning).collect();
        assert_eq!(meanings.len(), CATALOGUE.len());
    }
}
