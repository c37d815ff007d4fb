//! `encode`: writes values and manifests that carry plaintexts to Kestra.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::{Args as ClapArgs, ValueEnum};
use miette::Diagnostic as _;

use super::plaintext::{STDIN, of_file};
use crate::error::ExitCode;
use crate::error::InputError;
use crate::oracle::secret::{PREFIX, Plaintext};
use crate::release::env_file::{self, EnvDialect, EnvText, EnvVariable, RefusalReason};
use crate::scenario::{Generation, Strategy};
use crate::system::{stdout, terminal};
use crate::values::encode::{
    Order, PlainVariable, Producer, Secrets, Store, encoded_lines, env_file as docker_env_file,
};

#[derive(ClapArgs)]
#[command(after_help = "\
Every user of this machine can read a command's arguments. Give a plaintext that matters in a file, on standard \
input, or in an environment variable that NAME alone refers to. An env file has lines of NAME=VALUE; everything after \
the first `=` is the value, including quotes and spaces.

--env-file reads its file as compose does: it takes off quotes, comments and `export`. It prints one line a variable, \
with SECRET_ before the name and the value in Base64; comments and blank lines are left out.

The output contains the plaintexts in Base64, so protect it like the plaintexts. With --producer external-secrets the \
output contains only names.

Examples:
  kestra-secrets encode DB_USERNAME=admin --strategy extra-env
  kestra-secrets encode --from-env-file prod.env --only manifest |
    kubectl apply -f -
  kestra-secrets encode --from-file TLS_KEY=tls.key \\
    --strategy secret-key-ref --chart-generation 0
  kestra-secrets encode --env-file .env > .env_encoded
  pass show kestra | kestra-secrets encode --only values > values.yaml
  kestra-secrets encode DB_PASSWORD --producer external-secrets \\
    --store ClusterSecretStore/vault")]
pub struct Args {
    /// Encode these secrets, named as flows call them; without a value, the environment variable NAME holds it
    #[arg(value_name = "NAME[=VALUE]")]
    secrets: Vec<OsString>,
    /// Read secrets from this file, one NAME=VALUE per line; - for standard input, the default
    #[arg(long, value_name = "FILE")]
    from_env_file: Vec<String>,
    /// Print this env file of plaintexts as one that Kestra reads; - for standard input
    #[arg(long, value_name = "FILE", exclusive = true)]
    env_file: Option<String>,
    /// Read the plaintext of NAME from this file, byte for byte, including a final newline; - for standard input
    #[arg(long, value_name = "NAME=FILE")]
    from_file: Vec<String>,
    /// Bring the secrets to Kestra in this way
    #[arg(long, value_enum, default_value = "extra-env-from")]
    strategy: Strategy,
    /// Write values for a chart of this major version
    #[arg(long, value_enum, default_value = "1")]
    chart_generation: GenerationArg,
    /// Let this create the Secret
    #[arg(long, value_enum, default_value = "plain")]
    producer: ProducerName,
    /// Take the secrets from this store of external-secrets
    #[arg(long, value_name = "[KIND/]NAME", required_if_eq("producer", "external-secrets"))]
    store: Option<String>,
    /// Take each secret as a property of this key in the store [default: each secret is a key of its own]
    #[arg(long, value_name = "KEY", requires = "store")]
    store_key: Option<String>,
    /// Give the Secret this name
    #[arg(long, value_name = "NAME", default_value = "db-creds")]
    secret_name: String,
    /// Print only one of the two documents
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
    /// The manifest in the output
    Plain,
    /// The External Secrets operator, from a store
    ExternalSecrets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// The values, for helm
    Values,
    /// The manifest, for kubectl
    Manifest,
}

/// Prints the documents.
///
/// # Errors
/// No secret is given, or one cannot be found or carried.
pub fn run(args: &Args) -> miette::Result<ExitCode> {
    if let Some(file) = &args.env_file {
        stdout::print(&encoded_env_file(file)?);
        return Ok(ExitCode::Success);
    }
    let documents = args.order()?.documents()?;
    match (args.only, documents.manifest) {
        (Some(Only::Values), _) | (None, None) => stdout::print(&documents.values),
        (Some(Only::Manifest), Some(manifest)) => stdout::print(&manifest),
        (Some(Only::Manifest), None) => {
            miette::bail!(
                help = "use --only values",
                "the strategy {} has no manifest",
                args.strategy
            )
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
                    miette::bail!("--store {store}: the kind must be SecretStore or ClusterSecretStore");
                }
                let (kind, name, key) = (kind.into(), name.into(), self.store_key.clone());
                Ok(Producer::ExternalSecrets(Store { kind, name, key }))
            }
            _ => miette::bail!("--store and --producer external-secrets need each other"),
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
            given.extend(secrets_in_env_file(file)?);
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
                "standard input can be read only once"
            );
        }
        let by_store = self.producer == ProducerName::ExternalSecrets;
        if by_store && given.iter().any(|(_, plain)| plain.is_some()) {
            terminal::line("note: the output holds no plaintexts; the store must hold them");
        }
        let mut secrets = Secrets::default();
        for (name, plain) in given {
            Secrets::key(&name)?;
            let plain = match plain {
                None if !by_store => Some(plaintext_in_variable(&name)?),
                other => other,
            };
            let called = secrets.add(&name, plain)?;
            if called != name {
                terminal::line(&format!(
                    "note: {name} is the name of the variable; flows call secret('{called}')"
                ));
            }
        }
        if secrets.is_empty() {
            miette::bail!(help = "write one NAME=VALUE per line", "no secret is given");
        }
        Ok(secrets)
    }
}

/// The env file of plaintexts with its values encoded.
fn encoded_env_file(file: &str) -> miette::Result<String> {
    let called = if file == STDIN { "standard input" } else { file };
    let text = InputError::text(called, of_file(file)?)?;
    let variables = env_file::read(&text, EnvDialect::Compose);
    let variables = variables.iter().map(|variable| plain_variable(called, &text, variable));
    let encoded = encoded_lines(&variables.collect::<Result<Vec<_>, _>>()?).map_err(|(line, unfit)| InputError {
        file: called.into(),
        line,
        column: 1,
        message: unfit.to_string(),
        help: unfit.help().map(|help| help.to_string()),
    })?;
    if encoded.text.is_empty() {
        let help = "write one NAME=VALUE per line".to_owned();
        return Err(InputError::whole(called, "holds no variable", Some(help)).into());
    }
    for (line, name, code) in encoded.doubts {
        terminal::line(&format!("note: {called}:{line}: {name}: {} ({code})", code.title()));
    }
    Ok(encoded.text)
}

/// A variable, unless it is one whose value the file does not tell.
fn plain_variable(called: &str, text: &str, variable: &EnvVariable) -> Result<PlainVariable, InputError> {
    let line = text[..variable.name.start].matches('\n').count() as u64 + 1;
    let (message, help) = match (&variable.refused, &variable.read) {
        (Some(RefusalReason::OpenQuote), _) => (
            "a quote is opened and never closed",
            "close it on this line or a later one",
        ),
        (Some(RefusalReason::NoVariable), _) => (
            "`${` begins no variable",
            "put the whole value in single quotes if the `$` belongs to it",
        ),
        (Some(_), _) => (
            "this is not NAME=VALUE",
            "write one NAME=VALUE per line, with a name of letters, digits and `_`; comments begin with #",
        ),
        (None, _) if variable.continued.is_some() => (
            "Base64 goes on in the next line, which compose does not read as a part of this value",
            "write the plaintext here, or the Base64 on one line",
        ),
        (None, EnvText::Inherited) => (
            "the variable has no value here",
            "write NAME=VALUE; the environment is not asked",
        ),
        (None, EnvText::Interpolated) => (
            "compose would fill in a variable, whose value is not known here",
            "write its value, or put the whole value in single quotes if the `$` belongs to it",
        ),
        (None, EnvText::Text(value)) => {
            return Ok(PlainVariable {
                line,
                name: text[variable.name.clone()].to_owned(),
                // Lines of a quoted value end as they do in Unix.
                plain: value.replace("\r\n", "\n").as_str().into(),
            });
        }
    };
    Err(InputError {
        file: called.into(),
        line,
        column: 1,
        message: message.into(),
        help: Some(help.into()),
    })
}

fn secrets_in_env_file(file: &str) -> miette::Result<Vec<(String, Option<Plaintext>)>> {
    let called = if file == STDIN { "standard input" } else { file };
    let lines = docker_env_file(&of_file(file)?)
        .map_err(|line| InputError::whole(called, format!("line {line}: the name is not UTF-8"), None))?;
    for line in lines.iter().filter(|line| line.is_quoted()) {
        terminal::line(&format!(
            "note: {called}:{}: the quotes are part of the value of {}",
            line.number, line.name
        ));
    }
    Ok(lines.into_iter().map(|line| (line.name, line.plain)).collect())
}

fn plaintext_in_variable(name: &str) -> miette::Result<Plaintext> {
    let value = std::env::var_os(name).or_else(|| std::env::var_os(name.strip_prefix(PREFIX)?));
    let help = format!("write {name}=VALUE, or export {name}");
    value.map(|value| Plaintext::from(value.into_vec())).ok_or_else(|| {
        miette::miette!(
            help = help,
            "{name} has no value, and no variable with that name is set"
        )
    })
}
