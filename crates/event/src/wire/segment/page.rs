//! The page of a call, from `context.page` or from the properties of a `page` call.

use crate::wire::landing::Landing;
use crate::wire::names::Names;
use crate::wire::scalar;
use alloc::borrow::Cow;

/// The members of a page that are read; empty ones count as absent.
#[derive(Clone, Debug, Default)]
pub(super) struct PageFields<'a> {
    url: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    search: Option<Cow<'a, str>>,
    referrer: Option<Cow<'a, str>>,
    title: Option<Cow<'a, str>>,
}

impl<'a> PageFields<'a> {
    /// Their names, in order.
    pub(super) const NAMES: Names<5> = Names::new(["url", "path", "search", "referrer", "title"]);

    /// From the values of [`Self::NAMES`].
    pub(super) fn of(slots: [Option<&'a str>; 5]) -> Self {
        let [url, path, search, referrer, title] = slots.map(scalar::some_text);
        Self { url, path, search, referrer, title }
    }

    /// These, and where one is absent, that of `other`.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            url: self.url.or(other.url),
            path: self.path.or(other.path),
            search: self.search.or(other.search),
            referrer: self.referrer.or(other.referrer),
            title: self.title.or(other.title),
        }
    }

    /// The page as it is put on the event; without an address the path stands for it.
    pub(super) fn landing(&self) -> Landing<'_> {
        Landing {
            url: self.url.as_deref().or(self.path.as_deref()),
            search: self.search.as_deref(),
            referrer: self.referrer.as_deref(),
            title: self.title.as_deref(),
        }
    }
}
