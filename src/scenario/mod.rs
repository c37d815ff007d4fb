//! What is given to Kestra, and what must come out.
