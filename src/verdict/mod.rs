//! Promise, prediction and observation, judged.
