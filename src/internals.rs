//! What this project's own tests, drills and fuzz targets need of the inside, item by item. It is no part of the public
//! API and may change with any commit. What is neither here nor used inside is dead code, and the compiler says so.

pub mod cli {
    pub mod matrix {
        pub use crate::cli::matrix::read;
    }
    pub use crate::testing::failure;
}

pub mod error {
    pub use crate::error::{InfraError, InputError};
}

pub mod kestra {
    pub use crate::kestra::{
        CURRENT_ENGINES, Client, ENGINES, Error, Execution, ExecutionState, FlowRef, KestraRef, Limits, LogLine,
        RequestCause,
    };
}

pub mod lint {
    pub use crate::lint::{LintOptions, Linted, Severity, lint};
    pub mod fix {
        pub use crate::lint::fix::fix;
    }
    pub mod format {
        pub use crate::lint::format::{github, human, sarif};
    }
}

pub mod oracle {
    pub mod environment {
        pub use crate::oracle::environment::{ClusterFacts, Objects, Pod};
        pub mod api_server {
            pub use crate::oracle::environment::api_server::{Admitted, MAX_SIZE, admit};
        }
    }
    pub mod secret {
        pub use crate::oracle::secret::{
            Location, PREFIX, Plaintext, SecretRead, SecretStore, StoredSecret, Undecodable, decode, reported,
        };
        pub mod diagnosis {
            pub use crate::oracle::secret::diagnosis::Code;
        }
    }
}

pub mod plan {
    pub use crate::plan::Plan;
}

pub mod provider {
    pub mod embedded {
        pub use crate::provider::embedded::Engine;
    }
    pub mod live {
        pub use crate::provider::live::{ClusterSpec, KindOptions};
    }
}

pub mod release {
    pub mod env_file {
        pub use crate::release::env_file::{EnvDialect, EnvText, read};
    }
    pub mod input {
        pub use crate::release::input::{FileForm, SourceFile};
    }
}

pub mod report {
    pub use crate::report::{CaseResult, Observer, Report, ReportFormat};
    pub mod json {
        pub use crate::report::json::parse;
    }
    pub mod merge {
        pub use crate::report::merge::merge;
    }
}

pub mod run {
    pub mod session {
        pub use crate::run::session::{ProviderChoice, ProviderSpec, Session, SessionOptions};
    }
}

pub mod scenario {
    pub use crate::scenario::{Catalogue, Credentials, Generation, Input, Scenario, Strategy, parse, private_texts};
}

pub mod system {
    pub mod http {
        pub use crate::system::http::client_builder;
    }
    pub mod redact {
        pub use crate::system::redact::Redactor;
    }
}

pub mod tools {
    pub mod cluster {
        pub use crate::tools::cluster::{Access, Cluster};
        pub mod forward {
            pub use crate::tools::cluster::forward::Forward;
        }
    }
    pub mod helm {
        pub use crate::tools::helm::{Bundled, ChartRef, Rendered};
    }
    pub mod toolbox {
        pub use crate::tools::toolbox::{JavaFor, Tool, Toolbox};
    }
}

pub mod values {
    pub mod decode {
        pub use crate::values::decode::lines;
    }
}

pub mod verdict {
    pub use crate::verdict::Status;
}
