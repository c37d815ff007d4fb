//! `encode`: values and manifests that carry plaintexts to Kestra.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::{Args as ClapArgs, ValueEnum};

use super::plaintext::{STDIN, of_file};
use crate::error::ExitCode;
use crate::error::InputError;
use crate::oracle::secret::{PREFIX, Plaintext};
use crate::scenario::{Generation, Strategy};
use crate::system::{stdout, terminal};
use crate::values::encode::{Order, Producer, Secrets, Store, env_file};

/// What `encode` takes.
#[derive(ClapArgs)]
#[command(after_help = "\
Everybody on this machine can read an argument. A plaintext that matters comes by NAME alone, which takes \
it from this command's environment, by a file, or on standard input: lines of NAME=VALUE, where everything \
behind the first `=` is the value, quotes and blanks too. What is printed holds the plaintexts in Base64: \
keep it as you keep them. With external-secrets nothing of them is printed, and names alone will do.

Examples:
  kestra-secrets encode DB_USERNAME=admin --strategy extra-env
  kestra-secrets encode --from-env-file prod.env --only manifest | kubectl apply -f -
  kestra-secrets encode --from-file TLS_KEY=tls.key --strategy secret-key-ref --chart-generation 0
  pass show kestra | kestra-secrets encode --only values >values.yaml
  kestra-secrets encode DB_PASSWORD --producer external-secrets --store ClusterSecretStore/vault")]
pub struct Args {
    /// Secrets by the name a flow calls them; without a value, a variable of that name holds it
    #[arg(value_name = "NAME[=VALUE]")]
    secrets: Vec<OsString>,
    /// A file with a NAME=VALUE a line; - is standard input, and taken when nothing else is given
    #[arg(long, value_name = "FILE")]
    from_env_file: Vec<String>,
    /// A file that is the plaintext, byte for byte, its last newline too; - is standard input
    #[arg(long, value_name = "NAME=FILE")]
    from_file: Vec<String>,
    /// How the secrets reach Kestra
    #[arg(long, value_enum, default_value = "extra-env-from")]
    strategy: Strategy,
    /// The generation of the chart: the first number of its version
    #[arg(long, value_enum, default_value = "1")]
    chart_generation: GenerationArg,
    /// Who makes the Secret
    #[arg(long, value_enum, default_value = "plain")]
    producer: ProducerName,
    /// The store of external-secrets
    #[arg(long, value_name = "[KIND/]NAME", required_if_eq("producer", "external-secrets"))]
    store: Option<String>,
    /// The key in the store of which each secret is a property [default: each is a key of its own]
    #[arg(long, value_name = "KEY", requires = "store")]
    store_key: Option<String>,
    /// What the Secret is called
    #[arg(long, value_name = "NAME", default_value = "db-creds")]
    secret_name: String,
    /// Print one of the two documents
    #[arg(long, value_enum)]
    only: Option<Only>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GenerationArg {
    #[value(name = "0")]
    V0,
    #[value(name = "1")]
    V1,
    #[value(name = "2")]
    V2,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProducerName {
    /// The manifest that is printed
    Plain,
    /// The External Secrets operator, of what a store holds
    ExternalSecrets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// For helm
    Values,
    /// For kubectl
    Manifest,
}

/// Prints the documents.
///
/// # Errors
/// Bad input: no secret, one that cannot be found or carried.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    let documents = args.order()?.documents()?;
    match (args.only, documents.manifest) {
        (Some(Only::Values), _) | (None, None) => stdout::print(&documents.values),
        (Some(Only::Manifest), Some(manifest)) => stdout::print(&manifest),
        (Some(Only::Manifest), None) => {
            miette::bail!(help = "use --only values", "{} needs no manifest", args.strategy)
        }
        (None, Some(manifest)) => stdout::print(&format!("{}---\n{manifest}", documents.values)),
    }
    Ok(ExitCode::Success)
}

impl Args {
    fn order(&self) -> miette::Result<Order> {
        let faults = crate::oracle::environment::object_name_faults(&self.secret_name);
        if let Some(fault) = faults.first() {
            miette::bail!("--secret-name {:?}: {fault}", self.secret_name);
        }
        Ok(Order {
            strategy: self.strategy,
            generation: match self.chart_generation {
                GenerationArg::V0 => Generation::V0,
                GenerationArg::V1 => Generation::V1,
                GenerationArg::V2 => Generation::V2,
            },
            object: self.secret_name.clone(),
            producer: self.producer()?,
            secrets: self.secrets()?,
        })
    }

    fn producer(&self) -> miette::Result<Producer> {
        match (self.producer, &self.store) {
            (ProducerName::Plain, None) => Ok(Producer::Plain),
            (ProducerName::ExternalSecrets, Some(store)) => {
                let (kind, name) = store.split_once('/').unwrap_or(("SecretStore", store));
                if !matches!(kind, "SecretStore" | "ClusterSecretStore") {
                    miette::bail!("--store {store}: the kind is SecretStore or ClusterSecretStore");
                }
                let (kind, name, key) = (kind.into(), name.into(), self.store_key.clone());
                Ok(Producer::ExternalSecrets(Store { kind, name, key }))
            }
            _ => miette::bail!("--store and --producer external-secrets go together"),
        }
    }

    fn secrets(&self) -> miette::Result<Secrets> {
        let mut given: Vec<(String, Option<Plaintext>)> = Vec::new();
        for secret in &self.secrets {
            let mut bytes = secret.clone().into_vec();
            let value = bytes
                .iter()
                .position(|b| *b == b'=')
                .map(|at| bytes.split_off(at)[1..].to_vec());
            let name = String::from_utf8(bytes).map_err(|_| miette::miette!("a secret's name is not UTF-8"))?;
            given.push((name, value.map(Plaintext::from)));
        }
        for word in &self.from_file {
            let Some((name, file)) = word.split_once('=') else {
                miette::bail!("--from-file {word}: write NAME=FILE");
            };
            given.push((name.into(), Some(of_file(file)?.into())));
        }
        let nothing = given.is_empty() && self.from_env_file.is_empty();
        let stdin = nothing.then(|| STDIN.to_owned());
        for file in self.from_env_file.iter().chain(&stdin) {
            given.extend(lines(file)?);
        }
        let on_stdin = |file: &str| file == STDIN;
        let files = self
            .from_file
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(_, file)| file);
        if files
            .chain(self.from_env_file.iter().map(String::as_str))
            .filter(|f| on_stdin(f))
            .count()
            > 1
        {
            miette::bail!(
                help = "give the others as files",
                "standard input can be read once only"
            );
        }
        let by_store = self.producer == ProducerName::ExternalSecrets;
        if by_store && given.iter().any(|(_, plain)| plain.is_some()) {
            terminal::line("note: no plaintext is printed: the store must hold them");
        }
        let mut secrets = Secrets::default();
        for (name, plain) in given {
            let plain = match plain {
                None if !by_store => Some(of_variable(&name)?),
                other => other,
            };
            let called = secrets.add(&name, plain)?;
            if called != name {
                terminal::line(&format!(
                    "note: {name} is taken for the variable's name; a flow calls secret('{called}')"
                ));
            }
        }
        if secrets.is_empty() {
            miette::bail!(help = "write NAME=VALUE a line", "no secret is given");
        }
        Ok(secrets)
    }
}

fn lines(file: &str) -> miette::Result<Vec<(String, Option<Plaintext>)>> {
    let called = if file == STDIN { "standard input" } else { file };
    let lines = env_file(&of_file(file)?)
        .map_err(|line| InputError::whole(called, format!("line {line}: the name is not UTF-8"), None))?;
    for line in lines.iter().filter(|line| line.is_quoted()) {
        terminal::line(&format!(
            "note: {called}:{}: the quotes are part of {}",
            line.number, line.name
        ));
    }
    Ok(lines.into_iter().map(|line| (line.name, line.plain)).collect())
}

fn of_variable(name: &str) -> miette::Result<Plaintext> {
    let value = std::env::var_os(name).or_else(|| std::env::var_os(name.strip_prefix(PREFIX)?));
    let help = format!("write {name}=VALUE, or export {name}");
    value
        .map(|value| Plaintext::from(value.into_vec()))
        .ok_or_else(|| miette::miette!(help = help, "{name} has no value, and no variable of that name is set"))
}
