//! What an address tells, looked up in the configured files before it is dropped.

use crate::country::{Countries, CountryError};
use crate::data_centres::DataCentres;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// The country of a client address as ISO 3166-1 alpha-2, upper case.
pub type CountryOf = dyn Fn(IpAddr) -> Option<Box<str>> + Send + Sync;

/// The lookups.
#[derive(Clone)]
pub struct Places {
    /// Looks up countries.
    pub country: Arc<CountryOf>,
    /// True when countries are looked up in the database that comes with the program, because the
    /// configured one cannot be used: whatever was looked up is degraded.
    pub country_fallback: bool,
    /// Recognises programs by where they run.
    pub data_centres: Arc<DataCentres>,
}

impl Places {
    /// By these files, or by what comes with the program. Where a configured one cannot be used
    /// events are degraded: consent may hang on the country, and events must not wait for a file.
    ///
    /// # Errors
    /// When the database of countries that comes with the program cannot be read either: the build
    /// is broken.
    pub fn configured(
        countries: Option<&Path>,
        data_centres: Option<&Path>,
    ) -> Result<Self, CountryError> {
        let (countries, country_fallback) = match countries.map(Countries::open) {
            Some(Ok(countries)) => (countries, false),
            None => (Countries::embedded()?, false),
            Some(Err(error)) => {
                tracing::error!(%error, "countries are looked up in the built-in database, events are degraded");
                (Countries::embedded()?, true)
            }
        };
        Ok(Self {
            country: Arc::new(move |address| countries.lookup(address)),
            country_fallback,
            data_centres: Arc::new(DataCentres::configured(data_centres)),
        })
    }
}
