//! A case that shows each code.

use super::Code;
use crate::oracle::secret::Location;

/// A case that shows a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// One value shows it.
    Value {
        /// Its variable.
        name: &'static str,
        /// Where it stands.
        place: Location,
        /// The value.
        value: &'static str,
        /// What is meant, where the value alone does not tell.
        meant: Option<&'static str>,
    },
    /// It takes a pod or a chart's values.
    Documents {
        /// What is wrong.
        wrong: &'static str,
        /// The same, cured.
        right: &'static str,
    },
}

const fn value(place: Location, value: &'static str) -> Example {
    named("SECRET_DB_PASSWORD", place, value)
}

const fn named(name: &'static str, place: Location, value: &'static str) -> Example {
    Example::Value {
        name,
        place,
        value,
        meant: None,
    }
}

impl Code {
    /// A case that shows it.
    pub const fn example(self) -> Example {
        match self {
            Self::TrailingNewline => value(Location::Data, "WVdSdGFXNEsK"),
            Self::EncodedTooFew => value(Location::Data, "YWRtaW4="),
            Self::EncodedTooOften => value(Location::Values, "WVdSdGFXND0="),
            Self::Plaintext => value(Location::Values, "admin"),
            Self::PlaintextDecodes => value(Location::StringData, "password"),
            Self::UrlSafe => value(Location::Values, "Pz8_Pj4-"),
            Self::Padding => value(Location::Values, "YWRtaW4=="),
            Self::Wrapped => value(Location::Values, "b'YWRtaW4='"),
            Self::Crlf => value(Location::Values, "YWRtaW4NCg=="),
            Self::Utf16 => value(Location::Values, "YQBkAG0AaQBuAA=="),
            Self::PercentEncoded => value(Location::Values, "YWRtaW4%3D"),
            Self::UnquotedScalar => value(Location::Values, "1.2345678e+07"),
            Self::Folded => value(
                Location::Values,
                "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSwgYW5kIGEgZmV3IG1vcmUgd29y ZHMgdG8gZmlsbCB0d28gbGluZXM=",
            ),
            Self::SetComma => Example::Value {
                name: "SECRET_DB_PASSWORD",
                place: Location::Values,
                value: "correct",
                meant: Some("correct,horse"),
            },
            Self::FromFileNewline => value(Location::Env, "admin\n"),
            Self::Name => named("secret_DB_PASSWORD", Location::Values, "YWRtaW4="),
            Self::NameCollision => Example::Documents {
                wrong: "env:\n  - {name: SECRET_Password, value: \"YWRtaW4=\"}\n  - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
                right: "env:\n  - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
            },
            Self::ServiceLink => Example::Documents {
                wrong: "# In the same namespace: {kind: Service, metadata: {name: secret-db}}\nspec:\n  containers: [{name: kestra}]\n",
                right: "spec:\n  enableServiceLinks: false\n  containers: [{name: kestra}]\n",
            },
            Self::TwoSources => Example::Documents {
                wrong: "envFrom:\n  - secretRef: {name: db-creds} # has SECRET_PASSWORD\nenv:\n  - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
                right: "envFrom:\n  - secretRef: {name: db-creds} # has SECRET_PASSWORD\n",
            },
            Self::KeyMissing => Example::Documents {
                wrong: "# The Secret db-creds has the key password.\nenv:\n  - name: SECRET_PASSWORD\n    valueFrom: {secretKeyRef: {name: db-creds, key: PASSWORD}}\n",
                right: "env:\n  - name: SECRET_PASSWORD\n    valueFrom: {secretKeyRef: {name: db-creds, key: password}}\n",
            },
            Self::OtherGeneration => Example::Documents {
                wrong: "# values.yaml for chart 1.x\nextraEnv:\n  - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
                right: "# values.yaml for chart 1.x\ncommon:\n  extraEnv:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
            },
            Self::NotUtf8 => named("SECRET_KEYSTORE", Location::Values, "/u36zg=="),
            Self::TooLong => Example::Documents {
                wrong: "env:\n  - {name: SECRET_KEYSTORE, value: \"…\"} # 131,072 bytes with the name\n",
                right: "volumes:\n  - {name: keystore, secret: {secretName: keystore}}\nvolumeMounts: # of the container; the flow reads the file\n  - {name: keystore, mountPath: /app/keystore}\n",
            },
            Self::Stale => Example::Documents {
                wrong: "# The Secret db-creds is applied anew, and the pod's template stays:\nspec:\n  template:\n    metadata: {annotations: {}}\n",
                right: "# The Secret db-creds is applied anew, and with it:\nspec:\n  template:\n    metadata: {annotations: {checksum/db-creds: \"…\"}}\n",
            },
            Self::NoConfiguration => Example::Documents {
                wrong: "# values.yaml for chart 1.x\ndeployments: {standalone: {enabled: true}}\ncommon:\n  extraEnv:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
                right: "# values.yaml for chart 1.x\ndeployments: {standalone: {enabled: true}}\ncommon:\n  extraEnv:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\nconfigurations:\n  application:\n    datasources:\n      h2: # in memory: enough to try it\n        url: jdbc:h2:mem:public;DB_CLOSE_DELAY=-1;DB_CLOSE_ON_EXIT=FALSE\n        username: sa\n        password: \"\"\n        driverClassName: org.h2.Driver\n    kestra:\n      queue: {type: h2}\n      repository: {type: h2}\n      storage: {type: local, local: {base-path: /tmp/kestra-storage}}\n",
            },
            Self::CarriageReturn => value(Location::Values, "c2VjcmV0DQ=="),
            Self::QuotesInside => value(Location::Values, "InMzYSBndWxsISI="),
            Self::CutBase64 => Example::Documents {
                wrong: "# .env_encoded\nSECRET_KEY=Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSwgYW5kIGEgZmV3IG1vcmUgd29yZHMgdG8g\nZmlsbCB0d28gbGluZXM=\n",
                right: "# .env_encoded\nSECRET_KEY=Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSwgYW5kIGEgZmV3IG1vcmUgd29yZHMgdG8gZmlsbCB0d28gbGluZXM=\n",
            },
            Self::FlatPem => value(
                Location::Values,
                "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tTUM0Q0FRPT0tLS0tLUVORCBQUklWQVRFIEtFWS0tLS0t",
            ),
            Self::Placeholder => Example::Value {
                name: "SECRET_DB_PASSWORD",
                place: Location::Values,
                value: "<base64 of your password>",
                meant: Some("s3a gull!"),
            },
            Self::DoubledPrefix => named("SECRET_SECRET_DB_PASSWORD", Location::Values, "YWRtaW4="),
            Self::UnknownKey => Example::Documents {
                wrong: "# values.yaml for chart 1.x\ndeployments: {standalone: {enabled: true}}\ncommon:\n  extraEnvs:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
                right: "# values.yaml for chart 1.x\ndeployments: {standalone: {enabled: true}}\ncommon:\n  extraEnv:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
            },
            Self::ReplacedList => Example::Documents {
                wrong: "# values.yaml for chart 0.x\nextraEnv:\n  - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\ndeployments:\n  standalone:\n    extraEnv:\n      - {name: TZ, value: UTC}\n",
                right: "# values.yaml for chart 0.x\nextraEnv:\n  - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\ndeployments:\n  standalone:\n    extraEnv:\n      - {name: TZ, value: UTC}\n      - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
            },
            Self::MalformedEntry => Example::Documents {
                wrong: "# values.yaml for chart 1.x\ncommon:\n  extraEnv:\n    SECRET_PASSWORD: \"cm9vdA==\"\n",
                right: "# values.yaml for chart 1.x\ncommon:\n  extraEnv:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
            },
            Self::NotGiven => Example::Documents {
                wrong: "# The environment has SECRET_DB_PASSWORD.\nvalues:\n  password: \"{{ secret('DB_PASWORD') }}\"\n",
                right: "# The environment has SECRET_DB_PASSWORD.\nvalues:\n  password: \"{{ secret('DB_PASSWORD') }}\"\n",
            },
            Self::AsksWithPrefix => Example::Documents {
                wrong: "# The environment has SECRET_DB_PASSWORD.\nvalues:\n  password: \"{{ secret('SECRET_DB_PASSWORD') }}\"\n",
                right: "# The environment has SECRET_DB_PASSWORD.\nvalues:\n  password: \"{{ secret('DB_PASSWORD') }}\"\n",
            },
            Self::RefusedLine => Example::Documents {
                wrong: "# .env_encoded\nSECRET_export TOKEN=cm9vdA==\n",
                right: "# .env_encoded\nSECRET_TOKEN=cm9vdA==\n",
            },
            Self::ReadersDiffer => Example::Documents {
                wrong: "# .env_encoded\nSECRET_TOKEN=cm9vdA== # the token\n",
                right: "# .env_encoded\n# the token\nSECRET_TOKEN=cm9vdA==\n",
            },
            Self::ComponentLacks => Example::Documents {
                wrong: "# values.yaml for chart 1.x\ndeployments:\n  webserver:\n    enabled: true\n    extraEnv:\n      - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n  worker: {enabled: true}\n",
                right: "# values.yaml for chart 1.x\ndeployments:\n  webserver: {enabled: true}\n  worker: {enabled: true}\ncommon:\n  extraEnv:\n    - {name: SECRET_PASSWORD, value: \"cm9vdA==\"}\n",
            },
            Self::ShellName => named("SECRET_DB-PASSWORD", Location::Values, "YWRtaW4="),
        }
    }
}
