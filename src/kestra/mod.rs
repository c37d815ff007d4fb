//! Kestra's REST API, one file for each generation behind one interface.
