//! User agents: device, browser, operating system, and whether anyone is there at all.
