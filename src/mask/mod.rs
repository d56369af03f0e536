//! Which values are sensitive, and how they are replaced before anything is written, shown or logged.
