//! Enumerations that have one name each in files and reports.

/// Defines an enumeration with a name for each case, and how to find a case by its name.
macro_rules! named {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $case:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum $kind {
            $($(#[$doc])* #[serde(rename = $name)] $case,)+
        }

        impl $kind {
            /// Every case, in order.
            pub const ALL: &'static [Self] = &[$(Self::$case),+];
            /// The names of all cases, in order.
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// The name in files and reports.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$case => $name,)+
                }
            }

            /// The case of this name.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$case),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use named;
