//! The Tollgate binary: command line, configuration, wiring, demo.
