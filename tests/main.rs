//! One test binary: everything that needs more than one module.

mod knowledge;
