//! The codes, with what to know about each.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($variant:ident = $code:literal { title: $title:literal, cause: $cause:literal, effect: $effect:literal, cure: $cure:literal })+) => {
        /// What can be wrong with a secret. A code never changes its meaning and is never used again.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Code {
            $(#[doc = concat!($code, ": ", $title, ".")] #[serde(rename = $code)] $variant,)+
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code itself, such as `KS001`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What it is, in a few words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }

            /// How it comes about.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)+ }
            }

            /// What it does to `secret()`.
            pub const fn effect(self) -> &'static str {
                match self { $(Self::$variant => $effect,)+ }
            }

            /// What to do about it.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure,)+ }
            }
        }
    };
}

impl Code {
    /// The code with its cause, effect and cure, a line each.
    pub fn describe(self) -> String {
        let [title, cause, effect, cure] = [self.title(), self.cause(), self.effect(), self.cure()];
        format!("{self} {title}\n  cause: {cause}\n  effect: {effect}\n  cure: {cure}")
    }
}

codes! {
    TrailingNewline = "KS001" {
        title: "the plaintext ends in a newline",
        cause: "`echo secret | base64` encodes the newline that echo adds",
        effect: "`secret()` gives the newline too, and whoever checks the password refuses it",
        cure: "encode with `printf %s 'secret' | base64 -w0`"
    }
    EncodedTooFew = "KS002" {
        title: "encoded once too few",
        cause: "`data` of a Secret was encoded once; Kubernetes takes that layer off, and Kestra finds plaintext",
        effect: "Kestra logs that it cannot decode the value and drops the secret",
        cure: "encode twice for `data`, or encode once and use `stringData`"
    }
    EncodedTooOften = "KS003" {
        title: "encoded once too often",
        cause: "the value was already encoded when a tool encoded it, or a value for `data` was used elsewhere",
        effect: "`secret()` returns Base64 instead of the plaintext",
        cure: "remove one layer of Base64"
    }
    Plaintext = "KS004" {
        title: "plaintext where Base64 is due",
        cause: "the value was not encoded at all; Kestra decodes every `SECRET_…` variable",
        effect: "Kestra logs that it cannot decode the value and drops the secret",
        cure: "encode the value once in values and `stringData`, twice in `data`"
    }
    PlaintextDecodes = "KS005" {
        title: "plaintext that happens to be Base64",
        cause: "the value was not encoded, but its letters and digits are Base64 by chance, as `password` is",
        effect: "`secret()` returns garbage, and nothing is logged",
        cure: "encode the value once in values and `stringData`, twice in `data`"
    }
    UrlSafe = "KS006" {
        title: "the URL-safe alphabet",
        cause: "the encoder wrote `-` and `_` where Base64 has `+` and `/`",
        effect: "Kestra logs an illegal base64 character and drops the secret",
        cure: "encode with the standard alphabet, or `tr -- '-_' '+/'`"
    }
    Padding = "KS007" {
        title: "missing or wrong padding",
        cause: "some `=` at the end were lost, or there are too many",
        effect: "Kestra drops the secret, or the API server refuses the Secret",
        cure: "pad with `=` to a multiple of four; Kestra itself also takes none at all"
    }
    Wrapped = "KS008" {
        title: "spaces, quotes, a comment or b'…' around or within the encoded value",
        cause: "the value was copied with its quotes, a comment, or a character that nobody sees, such as a no-break space; or Python printed it as bytes",
        effect: "Kestra logs an illegal base64 character and drops the secret",
        cure: "keep only the Base64; in Python, print the bytes with `.decode()`"
    }
    Crlf = "KS009" {
        title: "Windows line ends in the plaintext",
        cause: "the plaintext came from a Windows file or command",
        effect: "`secret()` returns the carriage returns too",
        cure: "convert with `tr -d '\\r'` before encoding; line breaks in the encoded text are harmless"
    }
    Utf16 = "KS010" {
        title: "UTF-16 or a byte-order mark",
        cause: "PowerShell's `Unicode` encoding, its `>`, or certutil wrote the text or its encoding",
        effect: "`secret()` returns NUL or invisible characters, or nothing",
        cure: "encode UTF-8 without a mark: `[Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes('secret'))`"
    }
    PercentEncoded = "KS011" {
        title: "percent-encoding in the encoded value",
        cause: "the value passed through a URL or a form, which turned `=` into `%3D`",
        effect: "Kestra logs an illegal base64 character and drops the secret",
        cure: "undo the percent-encoding"
    }
    UnquotedScalar = "KS012" {
        title: "YAML took the value for a number or a boolean",
        cause: "the value is not in quotes",
        effect: "another text arrives, such as `1.2345678e+07` or `true`, or the manifest is refused",
        cure: "put the value in quotes; with helm's command line use `--set-string`"
    }
    Folded = "KS013" {
        title: "YAML folded the lines of the value",
        cause: "a block that begins with `>`, or a plain scalar over several lines, turns line ends into spaces",
        effect: "Kestra logs an illegal base64 character 20 and drops the secret",
        cure: "write it on one line (`base64 -w0`) or begin the block with `|-`"
    }
    SetComma = "KS014" {
        title: "`--set` split the value at a comma",
        cause: "a comma separates settings on helm's command line",
        effect: "what follows the comma is lost",
        cure: "write the value in a values file, or `\\,` for each comma; Base64 has none"
    }
    FromFileNewline = "KS015" {
        title: "the file's last newline became part of the value",
        cause: "`--from-file` and `--set-file` take every byte of a file, and editors end it with a newline",
        effect: "after Base64 it would be harmless, but this file holds plaintext",
        cure: "write the file with `printf %s`, and let it hold the encoded value"
    }
    Name = "KS016" {
        title: "the name does not begin with SECRET_",
        cause: "the prefix is missing or not in capitals",
        effect: "Kestra ignores the variable, and `secret()` finds nothing",
        cure: "name the variable `SECRET_` and the key, in capitals; leave the prefix out in `secret('KEY')`"
    }
    NameCollision = "KS017" {
        title: "names that differ only in case",
        cause: "Kestra turns every name into capitals",
        effect: "Kestra keeps either value, and prints both plaintexts in the server's log",
        cure: "keep one of the names, and change both passwords if the log is not private"
    }
    ServiceLink = "KS018" {
        title: "a Service's variables look like secrets",
        cause: "a Service called `secret…` gives every pod of its namespace variables that begin with SECRET_",
        effect: "Kestra logs that it cannot decode them, or reads them as secrets",
        cure: "rename the Service or set `enableServiceLinks: false` for the pod"
    }
    TwoSources = "KS019" {
        title: "two sources for one name",
        cause: "`env` and `envFrom`, or two of either, give the same variable",
        effect: "one silently overrides the other: `env` overrides `envFrom`, and a later entry overrides an earlier one",
        cure: "keep one of them"
    }
    KeyMissing = "KS020" {
        title: "the Secret or its key is missing",
        cause: "the reference names a Secret or a key that does not exist",
        effect: "the pod does not start (CreateContainerConfigError), or with `optional` starts without the variable",
        cure: "create the key, or correct the name in the reference"
    }
    OtherGeneration = "KS021" {
        title: "a values key of another chart generation",
        cause: "chart 1.0 moved `extraEnv` to `common.extraEnv`, and other keys likewise",
        effect: "the chart silently ignores the key, and the variable is never set",
        cure: "write the key of the chart's own generation"
    }
    NotUtf8 = "KS022" {
        title: "the plaintext is not UTF-8",
        cause: "the plaintext is binary, or text in another encoding",
        effect: "`secret()` returns U+FFFD for each malformed sequence, and the bytes are lost",
        cure: "convert text to UTF-8; encode binary once more and let the task decode it"
    }
    TooLong = "KS023" {
        title: "too long for an environment",
        cause: "Linux accepts at most 128 KiB per variable, including its name and final byte",
        effect: "the container does not start: argument list too long",
        cure: "mount the value as a file"
    }
    ShellName = "KS024" {
        title: "a name that the shell drops",
        cause: "Kubernetes allows `-`, `.` and more in a variable's name, but the chart starts Kestra with `sh -c`, and that shell passes on only names of letters, digits and `_`",
        effect: "the variable never reaches Kestra, and `secret()` finds nothing",
        cure: "write `_` for every other character, in the variable and in `secret('KEY')`"
    }
    Stale = "KS025" {
        title: "the pod started before the Secret changed",
        cause: "a container gets its environment once, when it starts; neither a changed Secret nor a helm upgrade with the same pod template restarts it",
        effect: "`secret()` returns the value from when the pod started",
        cure: "restart the pods, for example with `kubectl rollout restart`; a checksum of the Secret in the pod's annotations does so at each upgrade"
    }
    NoConfiguration = "KS026" {
        title: "no configuration of Kestra in the values",
        cause: "chart 1.x requires one of `configurations.application`, `configurations.configmaps` and `configurations.secrets`, and all three are empty",
        effect: "helm refuses the release: At least one of .Values.configurations.application, .Values.configurations.configmaps, or .Values.configurations.secrets must be defined and non-empty",
        cure: "write `configurations.application` with Kestra's queue, repository and storage, and their database"
    }
    CarriageReturn = "KS027" {
        title: "the plaintext ends in a carriage return",
        cause: "a file with Windows line ends was encoded line by line, and each value kept the carriage return at its end",
        effect: "`secret()` returns the carriage return too, and whoever checks the password refuses it",
        cure: "remove it before encoding: `tr -d '\\r'`"
    }
    QuotesInside = "KS028" {
        title: "the plaintext stands in quotes",
        cause: "a line of an env file was encoded together with the quotes around its value",
        effect: "`secret()` returns the quotes too, and whoever checks the password refuses it",
        cure: "encode the value without its quotes, as `kestra-secrets encode --env-file .env` does; if they belong to it, as in JSON, allow it with the comment `# kestra-secrets: allow KS028`"
    }
    CutBase64 = "KS029" {
        title: "Base64 cut into lines in an env file",
        cause: "`base64` without `-w0` breaks its output at 76 columns, and no reader of env files joins the lines again",
        effect: "`secret()` returns the start of the plaintext, 57 bytes at 76 columns, or the reader refuses the file",
        cure: "encode on one line: `base64 -w0`, or `kestra-secrets encode --env-file .env`"
    }
    FlatPem = "KS030" {
        title: "a PEM text without its line breaks",
        cause: "the line breaks were lost, or became `\\n`, before the text was encoded",
        effect: "`secret()` returns the text as it is, and libraries find no key or certificate in it",
        cure: "encode the file itself: `base64 -w0 < key.pem`"
    }
    Placeholder = "KS031" {
        title: "a placeholder that nobody filled in",
        cause: "the value is still the one of an example file",
        effect: "Kestra drops the value if it is not Base64, and otherwise `secret()` returns garbage",
        cure: "write in its place what `printf %s 'secret' | base64 -w0` prints"
    }
    DoubledPrefix = "KS032" {
        title: "the prefix SECRET_ stands twice",
        cause: "a tool that adds the prefix was given a name that had it",
        effect: "`secret('NAME')` finds nothing; only `secret('SECRET_NAME')` does",
        cure: "write SECRET_ once; if flows call the secret SECRET_NAME, allow it with the comment `# kestra-secrets: allow KS032`"
    }
    UnknownKey = "KS033" {
        title: "a values key that Kestra's chart does not read",
        cause: "the key is misspelt, stands at the wrong level, or belongs to another chart",
        effect: "helm silently ignores the key, and nothing below it reaches a pod",
        cure: "write the key that the chart reads"
    }
    ReplacedList = "KS034" {
        title: "a list that another list replaces",
        cause: "helm merges maps but not lists: the list of a later values file, and in chart 0.x a component's own `extraEnv`, replaces the earlier one as a whole",
        effect: "the variables of the replaced list reach no pod",
        cure: "repeat the entries in the list that replaces it, or give them by `extraEnvFrom` of one Secret"
    }
    MalformedEntry = "KS035" {
        title: "an entry that Kubernetes does not understand",
        cause: "a list is written as a map, or a reference lacks `valueFrom`, `secretRef` or the like around it",
        effect: "the API server refuses the manifest, or drops the field that it does not know, and the variable stays empty",
        cure: "write `- name: SECRET_NAME` with `value:`, or with `valueFrom: {secretKeyRef: {name: …, key: …}}`"
    }
    NotGiven = "KS036" {
        title: "a flow asks for a secret that nothing gives",
        cause: "the variable has another name, or nothing sets it",
        effect: "the execution fails with `Cannot find secret for key`; Kestra 0.20 returns an empty text instead",
        cure: "set the variable `SECRET_` and the key, or correct the key in `secret()`"
    }
    AsksWithPrefix = "KS037" {
        title: "a flow asks with the prefix SECRET_",
        cause: "`secret()` takes the name of the variable without its prefix",
        effect: "Kestra looks for a variable `SECRET_SECRET_…`, and the execution fails with `Cannot find secret for key`",
        cure: "leave the prefix out: `secret('NAME')` for the variable `SECRET_NAME`"
    }
    RefusedLine = "KS038" {
        title: "a line that the reader of an env file refuses",
        cause: "the line has no name before `=`, a blank in the name, or a quote that is never closed",
        effect: "compose, docker or kubectl refuses the whole file, and no variable of it is set",
        cure: "write one `NAME=value` per line; a comment begins with `#`, and only compose takes `export`"
    }
    ReadersDiffer = "KS039" {
        title: "the readers of env files disagree on a value",
        cause: "compose takes off quotes and comments and fills in `${…}`; docker, kubectl and kustomize keep all of it",
        effect: "what arrives depends on who reads the file",
        cure: "write the Base64 alone: no quotes, no comment, no `$`"
    }
    ComponentLacks = "KS040" {
        title: "a component that reads the secret does not get it",
        cause: "the variable is given to some components only, and each component renders the expressions of its own work",
        effect: "`secret()` finds nothing where that component renders it, and the execution fails",
        cure: "give it to all components, in `common.extraEnv` or `common.extraEnvFrom`"
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Takes `KS001` in either case.
impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = Self::ALL
            .iter()
            .copied()
            .find(|code| code.code().eq_ignore_ascii_case(text));
        code.ok_or_else(|| {
            format!(
                "there is no code {text:?}; the codes are KS001 to KS{:03}",
                Self::ALL.len()
            )
        })
    }
}
