//! Values that another tool fills in: references, placeholders and ciphertext.

use crate::oracle::secret::diagnosis;

/// The tool that produces a value, which this file therefore does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueMaker {
    /// `ENC[AES256_GCM,…]`.
    Sops,
    /// Ciphertext of a `SealedSecret`.
    Sealed,
    /// `ref+vault://…`, `secrets://…`: vals and helm-secrets.
    Vals,
    /// `<path:…>` and `<name>` of the Argo CD Vault plugin.
    Argo,
    /// `${NAME}` of Flux (or `envsubst`).
    Flux,
    /// `{{ … }}`.
    Template,
    /// `vault:…`, `op://…` and the like, which an injector replaces in the pod.
    Injector,
    /// `$(NAME)`, which Kubernetes replaces.
    Expansion,
    /// A store that an External Secrets operator reads.
    Store,
    /// The CSI driver's `secretObjects`.
    Csi,
    /// A file beside the kustomization that was not given.
    File,
    /// A tag such as `!vault` of the tool that reads the file.
    Tag,
    /// The shell that starts compose.
    Shell,
    /// Something sets it by its path, as `targetPath` of Flux and `parameters` of Argo CD do.
    Set,
}

impl ValueMaker {
    /// The tool that fills the value in, as a clause.
    pub fn who(self) -> &'static str {
        match self {
            Self::Sops => "it is encrypted by SOPS",
            Self::Sealed => "it is sealed",
            Self::Vals => "vals (helm-secrets) fetches it",
            Self::Argo => "the Argo CD Vault plugin fills it in",
            Self::Flux => "Flux substitutes a variable",
            Self::Template => "a template produces it",
            Self::Injector => "an injector replaces it in the pod",
            Self::Expansion => "Kubernetes expands `$(…)` in the pod",
            Self::Store => "it comes from a store outside the cluster",
            Self::Csi => "the CSI driver reads it from a store",
            Self::File => "it is in a file that was not read",
            Self::Tag => "a tag says that a tool produces it",
            Self::Shell => "compose takes it from the shell, or from a `.env` that is not among the files",
            Self::Set => "another setting replaces it",
        }
    }

    /// What its producer must do. `once` says that one layer of Base64 is needed here, otherwise two.
    pub fn cure(self, once: bool) -> String {
        let what = if once {
            "encoded once (`printf %s 'secret' | base64 -w0`)"
        } else {
            "encoded twice (`printf %s 'secret' | base64 -w0 | base64 -w0`)"
        };
        match self {
            Self::Sops => format!(
                "lint the decrypted file: `sops -d FILE | kestra-secrets lint -`; the encrypted value must be {what}"
            ),
            Self::Sealed => {
                format!("lint the Secret before `kubeseal`; the sealed value must be {what}")
            }
            Self::Vals => format!("lint the output of `vals eval -f FILE`; the referenced value must be {what}"),
            Self::Argo => {
                format!("the value that the plugin inserts must be {what}; its modifier `| base64encode` adds a layer")
            }
            Self::Flux => format!("the variable's value must be {what}"),
            Self::Template => format!("lint the rendered output; the value must be {what}; `| b64enc` adds a layer"),
            Self::Injector | Self::Expansion | Self::Csi => format!("the inserted value must be {what}"),
            Self::Store => "keep it encoded once in the store, or encode it on the way: `target.template.data` with \
                 `\"{{ .value | b64enc }}\"`"
                .into(),
            Self::File => format!("lint the folder with that file; the value must be {what}"),
            Self::Tag => format!("the value that the tool produces must be {what}"),
            Self::Shell => format!("the variable's value must be {what}"),
            Self::Set => format!("the value that is set must be {what}"),
        }
    }
}

/// Prefixes of references that are replaced before or in the pod.
const INJECTED: [&str; 8] = [
    "vault:",
    ">>vault:",
    "op://",
    "arn:aws:secretsmanager:",
    "arn:aws:ssm:",
    "gcp:secretmanager:",
    "awssm://",
    "keyvault:",
];

/// The tool that fills a text in, if the text is not the value itself.
pub fn origin(text: &str) -> Option<ValueMaker> {
    let trimmed = text.trim();
    if trimmed.starts_with("ENC[") && trimmed.ends_with(']') {
        return Some(ValueMaker::Sops);
    }
    let is_vals = |at: usize| {
        let scheme = &text[at + "ref+".len()..];
        scheme
            .split_once("://")
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    };
    if text.match_indices("ref+").any(|(at, _)| is_vals(at))
        || ["secrets://", "secrets+", "secret://"]
            .iter()
            .any(|p| trimmed.starts_with(p))
    {
        return Some(ValueMaker::Vals);
    }
    if within(text, "{{", "}}").is_some() {
        return Some(ValueMaker::Template);
    }
    if within(text, "${", "}").is_some_and(is_variable) {
        return Some(ValueMaker::Flux);
    }
    if within(text, "<", ">").is_some_and(is_placeholder) {
        return Some(ValueMaker::Argo);
    }
    if INJECTED.iter().any(|prefix| trimmed.starts_with(prefix)) || trimmed.ends_with("@azurekeyvault") {
        return Some(ValueMaker::Injector);
    }
    None
}

/// The names that `$(NAME)` in a text refers to.
pub fn expansions(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("$(")
        .filter(|(at, _)| !text[..*at].ends_with('$'))
        .filter_map(|(at, open)| text[at + open.len()..].split_once(')').map(|(name, _)| name))
}

/// What stands between the first `open` and the next `close`.
fn within<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (_, after) = text.split_once(open)?;
    after.split_once(close).map(|(inner, _)| inner)
}

/// `NAME`, `NAME:=default` and the other forms of `envsubst`.
fn is_variable(inner: &str) -> bool {
    let name = inner
        .split([':', '=', '-', '+', '?', '/', '#', '%', '^', ','])
        .next()
        .unwrap_or_default();
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `path:…#key`, or a name with the plugin's modifiers; `<your password>` is for a person to fill in.
fn is_placeholder(inner: &str) -> bool {
    let name = inner.split('|').next().unwrap_or_default().trim();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let is_name = !name.is_empty() && name.bytes().all(plain) && !diagnosis::is_placeholder(name);
    name.starts_with("path:") || is_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_from_values() {
        for (text, expected) in [
            ("ENC[AES256_GCM,data:xx,iv:yy,tag:zz,type:str]", ValueMaker::Sops),
            ("ref+vault://secret/db#/password", ValueMaker::Vals),
            ("prefix-ref+awsssm://x+", ValueMaker::Vals),
            ("secrets://x.yaml", ValueMaker::Vals),
            ("<path:kv/data/db#password | base64encode>", ValueMaker::Argo),
            ("<password>", ValueMaker::Argo),
            ("${DB_PASSWORD}", ValueMaker::Flux),
            ("${DB_PASSWORD:=YQ==}", ValueMaker::Flux),
            ("{{ .Values.password | b64enc }}", ValueMaker::Template),
            ("vault:secret/data/db#password", ValueMaker::Injector),
            ("op://vault/item/field", ValueMaker::Injector),
        ] {
            assert_eq!(origin(text), Some(expected), "{text}");
        }
        for text in [
            "YWRtaW4=",
            "<base64 of your user name>",
            "<your-token>",
            "admin",
            "a${b",
            "$HOME",
            "p<a&b>!",
            "<",
            "${}",
            "{ }",
            "ref+",
            "pa{{ss",
            "a<b",
            "ENC[",
        ] {
            assert_eq!(origin(text), None, "{text}");
        }
    }

    #[test]
    fn a_dollar_that_is_escaped_expands_nothing() {
        assert_eq!(expansions("$(A)-$$(B)$(C").collect::<Vec<_>>(), ["A"]);
    }
}
