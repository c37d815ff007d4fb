//! The shape of a matrix file, as serde reads it and as the JSON Schema describes it.

use crate::system::yaml::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;

/// What to qualify: every provider × Kubernetes × helm × chart × Kestra × scenario, less what is excluded.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "kestra-secrets matrix, schema 1")]
pub(super) struct MatrixFile {
    /// The version of this format: 1.
    #[schemars(with = "u32", range(min = 1, max = 1))]
    pub schema: Spanned<u32>,
    /// Where Kestra runs, as `--provider` takes it.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub providers: Vec<Spanned<String>>,
    /// The charts, as `--chart` takes them; a path starts at the matrix's folder.
    #[schemars(with = "Vec<String>", length(min = 1))]
    pub charts: Vec<Spanned<String>>,
    /// The Kestras.
    #[schemars(length(min = 1))]
    pub kestra: Vec<KestraFile>,
    /// The images of kind's nodes, one for each Kubernetes; none for the usual one. Other providers have no such axis.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub kubernetes: Vec<Spanned<String>>,
    /// The executables of helm, by name or as paths from the matrix's folder on; none for the usual one.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub helm: Vec<Spanned<String>>,
    /// Bundled scenarios by name, and files or folders from the matrix's folder on; none for all bundled ones.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub scenarios: Vec<Spanned<String>>,
    /// What is not run.
    #[serde(default)]
    pub exclude: Vec<MatrixRule>,
    /// What is run and needs a word, such as a pair that nobody deploys: it runs last.
    #[serde(default)]
    pub notes: Vec<MatrixRule>,
}

/// A Kestra, and its image where it is not the usual one.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KestraFile {
    /// As `--kestra` takes it.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// `REPOSITORY:TAG` or `REPOSITORY@sha256:…`.
    #[schemars(with = "Option<String>")]
    pub image: Option<Spanned<String>>,
    /// The charts that it runs on, as their axis names them; none for all.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub charts: Vec<Spanned<String>>,
}

/// Cases by what they are run against, each list as its axis names it; a list that is not there means all.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MatrixRule {
    /// The providers.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub providers: Vec<Spanned<String>>,
    /// The charts.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub charts: Vec<Spanned<String>>,
    /// The Kestras, by name or by image.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub kestra: Vec<Spanned<String>>,
    /// The images of kind's nodes.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub kubernetes: Vec<Spanned<String>>,
    /// The executables of helm, as the axis names them.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub helm: Vec<Spanned<String>>,
    /// The scenarios, by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub scenarios: Vec<Spanned<String>>,
    /// Why; told in the first line, or with each result.
    #[schemars(with = "String")]
    pub why: Spanned<String>,
}
