//! Scenarios × charts × Kestra versions, arranged into installations.
