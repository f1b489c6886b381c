//! Admin plane: reports as JSON, metrics, the dashboard.
