//! The one integration binary: everything is tested through the command line, sockets and files.
mod report;
