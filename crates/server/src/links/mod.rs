//! Links: the registry behind the redirects, kept in the control lane.
