//! Which flag goes with which provider.

use crate::plan::ProviderKind::{self, Context, Docker, Kind};
use crate::system::words::listed;

/// A flag that not every provider takes.
#[derive(Debug, PartialEq, Eq)]
pub struct ProviderFlag {
    /// Its name.
    pub name: &'static str,
    /// The providers that take it.
    pub takers: &'static [ProviderKind],
    /// The provider that it chooses where the user chose none.
    pub chooses: Option<ProviderKind>,
    /// Why the others do not take it.
    because: &'static str,
}

const NO_CONTEXT: &str = "it uses no context of your kubeconfig";
const NO_KIND: &str = "it uses no kind cluster";
const OWN_PORT: &str = "its Kestra listens on a local port of its own";
const NO_NODE: &str = "it has no nodes that pull images; Docker has the credentials of `docker login`";
const NO_IMAGE: &str = "its Kestra is a child process of the run";

const FLAGS: [ProviderFlag; 9] = [
    flag("context", &[Context], Some(Context), NO_CONTEXT),
    flag("namespace", &[Context], Some(Context), NO_CONTEXT),
    flag("node-image", &[Kind], Some(Kind), NO_KIND),
    flag("kind-config", &[Kind], Some(Kind), NO_KIND),
    flag("kind-cluster", &[Kind], Some(Kind), NO_KIND),
    flag("local-port", &[Kind, Context], Some(Kind), OWN_PORT),
    flag("image", &[Docker, Kind, Context], None, NO_IMAGE),
    flag("pull-secret", &[Kind, Context], None, NO_NODE),
    flag("keep", &[Docker, Kind, Context], None, NO_IMAGE),
];

const fn flag(
    name: &'static str,
    takers: &'static [ProviderKind],
    chooses: Option<ProviderKind>,
    because: &'static str,
) -> ProviderFlag {
    ProviderFlag {
        name,
        takers,
        chooses,
        because,
    }
}

impl ProviderFlag {
    /// The flag of this name; none where every provider takes it, or it has to do with none.
    pub fn named(name: &str) -> Option<&'static Self> {
        FLAGS.iter().find(|flag| flag.name == name)
    }

    /// Those of the table that are given.
    pub fn given(is_given: impl Fn(&str) -> bool) -> Vec<&'static Self> {
        FLAGS.iter().filter(|flag| is_given(flag.name)).collect()
    }

    /// Checks that a provider takes the flag.
    ///
    /// # Errors
    /// Bad input: it does not.
    pub fn check(&self, provider: ProviderKind) -> miette::Result<()> {
        if self.takers.contains(&provider) {
            return Ok(());
        }
        miette::bail!(
            help = format!("use {}", self.providers()),
            "--provider {provider} does not take --{}: {}",
            self.name,
            self.because
        )
    }

    /// The providers that take it, for people: `--provider kind or context`.
    pub fn providers(&self) -> String {
        let names: Vec<_> = self.takers.iter().map(|taker| taker.name()).collect();
        format!("--provider {}", listed(&names, "or"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_the_provider_does_not_take_names_those_that_do() {
        let flag = ProviderFlag::named("local-port").unwrap();
        assert!(
            ProviderKind::ALL
                .iter()
                .filter(|kind| flag.check(**kind).is_ok())
                .eq(flag.takers)
        );
        let error = flag.check(Docker).unwrap_err();
        assert_eq!(
            error.to_string(),
            "--provider docker does not take --local-port: its Kestra listens on a local port of its own"
        );
        assert_eq!(error.help().unwrap().to_string(), "use --provider kind or context");
        assert_eq!(
            ProviderFlag::named("image").unwrap().providers(),
            "--provider docker, kind or context"
        );
    }

    #[test]
    fn a_flag_chooses_a_provider_that_takes_it() {
        for flag in &FLAGS {
            assert!(
                flag.chooses.is_none_or(|kind| flag.takers.contains(&kind)),
                "{}",
                flag.name
            );
        }
    }
}
