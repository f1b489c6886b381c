//! Demo: a simulated shop, seeded, with late and duplicate events and mixed consent.
