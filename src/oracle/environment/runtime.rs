//! What the container runtime does with what the kubelet hands it: containerd's `buildContainerSpec`
//! and `oci.WithEnv`, runc's `prepareEnv`, and the kernel's `execve`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use k8s_openapi::api::core::v1::Container;

use super::expand::expand;
use super::variables::VariableLayers;
use super::{Blocked, EnvValue, Environment, Pod, Reason, SkippedVariable, Variable, VariableSource};

/// Longest `NAME=VALUE` or argument that `execve` takes, in bytes with the terminating NUL: Linux's
/// `MAX_ARG_STRLEN`.
pub const MAX_STRING_BYTES: usize = 128 * 1024;

/// Most that environment and arguments may take together, in bytes: a quarter of the stack's usual
/// limit of 8 MiB. Counted are the strings with their NULs and 8 bytes a pointer.
pub const MAX_EXEC_BYTES: usize = 2 * 1024 * 1024;

/// containerd's `defaultUnixEnv`.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Lays what the kubelet hands over the image's and the runtime's own variables.
///
/// Left out is `HOME`, which runc adds from the image's `/etc/passwd` when nothing sets it.
pub(super) fn environment(
    pod: &Pod<'_>,
    kubelet: VariableLayers,
    skipped: Vec<SkippedVariable>,
    image_env: &[String],
) -> Environment {
    let mut layers = VariableLayers::default();
    layers.set("PATH", DEFAULT_PATH, VariableSource::Runtime);
    if let Some(hostname) = hostname(pod) {
        layers.set("HOSTNAME", hostname, VariableSource::Runtime);
    }
    for entry in image_env {
        match entry.split_once('=') {
            Some((name, value)) => layers.set(name, value, VariableSource::ImageEnv),
            // To containerd a name alone means that the variable is to go.
            None => layers.unset(entry),
        }
    }
    let kubelet_version = pod.facts.kubelet;
    let mut handed = HashMap::new();
    for variable in kubelet.variables {
        handed.insert(variable.name.clone(), variable.value.clone());
        let replacement = match as_json(variable.value.as_bytes()) {
            Cow::Owned(text) if !kubelet_version.refuses_bad_utf8() => Some(text),
            _ => None,
        };
        layers.put(match replacement {
            Some(text) => Variable {
                value: text.into(),
                replaced: true,
                ..variable
            },
            None => variable,
        });
    }
    Environment {
        variables: layers.variables,
        skipped,
        handed,
        kubelet: kubelet_version,
    }
}

/// `GeneratePodHostNameAndDomain`. Unknown on the node's own network (the node's name) and where the
/// cluster's domain is part of it.
fn hostname(pod: &Pod<'_>) -> Option<String> {
    if pod.spec.host_network == Some(true) || pod.spec.set_hostname_as_fqdn == Some(true) {
        return None;
    }
    let own = pod.spec.hostname.as_deref().filter(|name| !name.is_empty());
    let name = own.unwrap_or(&pod.facts.name);
    let cut: String = name.chars().take(63).collect();
    let hostname = cut.trim_end_matches(['-', '.']);
    (!hostname.is_empty()).then(|| hostname.into())
}

/// What Go's `encoding/json` makes of bytes: each that is no part of UTF-8 becomes a U+FFFD of its
/// own (`from_utf8_lossy` would make one of several).
fn as_json(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(
            bytes
                .utf8_chunks()
                .flat_map(|chunk| {
                    let bad = "\u{fffd}".repeat(chunk.invalid().len());
                    [chunk.valid().to_owned(), bad]
                })
                .collect(),
        ),
    }
}

/// What a container runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerCommand {
    /// `command`, which stands for the image's entrypoint.
    pub command: Vec<EnvValue>,
    /// `args`, which stand for the image's `CMD`.
    pub args: Vec<EnvValue>,
}

impl ContainerCommand {
    /// The whole argument vector on an image with that `ENTRYPOINT` and `CMD`: containerd's
    /// `WithProcessArgs`. A `command` without `args` drops the image's `CMD`.
    #[must_use]
    pub fn argv(self, entrypoint: &[String], cmd: &[String]) -> Vec<EnvValue> {
        let of_image = |part: &[String]| part.iter().map(|text| text.as_str().into()).collect();
        let (command, args) = match (self.command.is_empty(), self.args.is_empty()) {
            (true, true) => (of_image(entrypoint), of_image(cmd)),
            (true, false) => (of_image(entrypoint), self.args),
            (false, _) => (self.command, self.args),
        };
        [command, args].concat()
    }
}

impl Environment {
    /// `container`'s `command` and `args` with `$(NAME)` expanded (`ExpandContainerCommandAndArgs`):
    /// by what the kubelet hands over, so not by the image's variables.
    pub fn command(&self, container: &Container) -> ContainerCommand {
        let expand = |texts: &Option<Vec<String>>| {
            let texts = texts.iter().flatten();
            let expanded = texts.map(|text| expand(text, self.kubelet, |name| self.handed(name)));
            let sent = expanded.map(|bytes| match as_json(&bytes) {
                Cow::Owned(text) if !self.kubelet.refuses_bad_utf8_in_commands() => text.into(),
                _ => bytes.into(),
            });
            sent.collect()
        };
        ContainerCommand {
            command: expand(&container.command),
            args: expand(&container.args),
        }
    }

    pub(super) fn handed(&self, name: &str) -> Option<&[u8]> {
        self.handed.get(name).map(EnvValue::as_bytes)
    }

    /// What keeps a process with this environment and the arguments `argv` from starting, the
    /// earliest first; `argv` may be empty where it is unknown.
    pub fn faults(&self, argv: &[EnvValue]) -> Vec<ProcessFault> {
        let variables = self.variables.iter().map(|variable| {
            let size = variable.name.len() + "=".len() + variable.value.len();
            (ProcessString::Variable(variable.name.clone()), size, &variable.value)
        });
        let arguments = argv
            .iter()
            .enumerate()
            .map(|(index, value)| (ProcessString::Argument(index), value.len(), value));
        let strings: Vec<_> = variables.chain(arguments).collect();

        let total = strings.iter().map(|(_, size, _)| size + 1 + 8).sum();
        let mut faults: Vec<ProcessFault> = strings
            .into_iter()
            .flat_map(|(at, size, value)| {
                let bytes = value.as_bytes();
                let not_utf8 = std::str::from_utf8(bytes).is_err();
                let size = size + 1;
                [
                    not_utf8.then(|| ProcessFault::NotUtf8 { at: at.clone() }),
                    bytes.contains(&0).then(|| ProcessFault::Nul { at: at.clone() }),
                    (size > MAX_STRING_BYTES).then_some(ProcessFault::TooLong { at, bytes: size }),
                ]
            })
            .flatten()
            .collect();
        if total > MAX_EXEC_BYTES {
            faults.push(ProcessFault::TotalTooLong { bytes: total });
        }
        faults.sort_by_key(ProcessFault::stage);
        faults
    }
}

/// Why a process cannot have an environment or an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessFault {
    /// Bytes that are not UTF-8, which kubelets from 1.34 cannot hand to the runtime
    /// (in a variable's value, later patches can again).
    NotUtf8 {
        /// Where.
        at: ProcessString,
    },
    /// A NUL, which ends a string for the kernel.
    Nul {
        /// Where.
        at: ProcessString,
    },
    /// One string over [`MAX_STRING_BYTES`].
    TooLong {
        /// Where.
        at: ProcessString,
        /// Its size, name, `=` and NUL included.
        bytes: usize,
    },
    /// All of them together over [`MAX_EXEC_BYTES`].
    TotalTooLong {
        /// Their size.
        bytes: usize,
    },
}

/// One string that a process gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessString {
    /// The variable of that name.
    Variable(String),
    /// The argument at that index.
    Argument(usize),
}

impl ProcessFault {
    /// What the user sees of it. The words are the kubelet's, runc's and the kernel's; the runtime
    /// adds its own in front of the last two.
    pub fn blocked(&self) -> Blocked {
        let (reason, message) = match self {
            Self::NotUtf8 { .. } => (
                Reason::CreateContainerError,
                "grpc: error while marshaling: string field contains invalid UTF-8".into(),
            ),
            Self::Nul {
                at: ProcessString::Variable(name),
            } => (
                Reason::RunContainerError,
                format!("invalid environment variable {name:?}: contains nul byte (\\x00)"),
            ),
            Self::Nul {
                at: ProcessString::Argument(_),
            } => (Reason::CrashLoopBackOff, "invalid argument".into()),
            Self::TooLong { .. } | Self::TotalTooLong { .. } => {
                (Reason::CrashLoopBackOff, "argument list too long".into())
            }
        };
        Blocked { reason, message }
    }

    /// Faults of an earlier stage hide those of a later one.
    fn stage(&self) -> u8 {
        match self.blocked().reason {
            Reason::CreateContainerError => 0,
            Reason::RunContainerError => 1,
            _ => 2,
        }
    }
}

impl fmt::Display for ProcessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { at } => write!(f, "{at} is not UTF-8"),
            Self::Nul { at } => write!(f, "{at} contains a NUL byte"),
            Self::TooLong { at, bytes } => {
                write!(f, "{at} takes {bytes} bytes of at most {MAX_STRING_BYTES}")
            }
            Self::TotalTooLong { bytes } => write!(
                f,
                "environment and arguments take {bytes} bytes of at most {MAX_EXEC_BYTES}"
            ),
        }
    }
}

impl fmt::Display for ProcessString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::Argument(index) => write!(f, "argument {index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_byte_is_replaced_on_its_own_as_go_does() {
        assert_eq!(as_json(b"a\xff\xfe\xc3b"), "a\u{fffd}\u{fffd}\u{fffd}b");
        assert_eq!(as_json(b"\xe2\x82"), "\u{fffd}\u{fffd}");
        assert!(matches!(as_json("é".as_bytes()), Cow::Borrowed("é")));
    }

    #[test]
    fn the_limit_on_one_string_is_the_kernels() {
        let fits = "x".repeat(MAX_STRING_BYTES - "A=\0".len());
        let run = |value: &str| {
            let mut command = std::process::Command::new("/bin/sh");
            command.args(["-c", ":"]).env("A", value).status()
        };
        assert!(run(&fits).unwrap().success());
        let refusal = run(&format!("{fits}x")).unwrap_err();
        assert_eq!(refusal.kind(), std::io::ErrorKind::ArgumentListTooLong);
    }

    #[test]
    fn a_command_drops_the_images_and_args_alone_do_not() {
        let texts = |words: &[&str]| words.iter().map(|&word| word.into()).collect::<Vec<_>>();
        let image = |command: &[&str], args: &[&str]| {
            let command = ContainerCommand {
                command: texts(command),
                args: texts(args),
            };
            command.argv(&["entry".into()], &["cmd".into()])
        };
        assert_eq!(image(&[], &[]), texts(&["entry", "cmd"]));
        assert_eq!(image(&[], &["a"]), texts(&["entry", "a"]));
        assert_eq!(image(&["c"], &[]), texts(&["c"]));
        assert_eq!(image(&["c"], &["a"]), texts(&["c", "a"]));
    }
}
