//! The runs behind all trials, one for each provider after the other, on a thread of their own.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use kestra_secrets::internals::kestra::KestraRef;
use kestra_secrets::internals::plan::Plan;
use kestra_secrets::internals::report::CaseResult;
use kestra_secrets::internals::report::Observer;
use kestra_secrets::internals::run::session::{ProviderChoice, Session, SessionOptions};
use kestra_secrets::internals::scenario::{Generation, Scenario};
use kestra_secrets::internals::tools::helm::{Bundled, ChartRef};
use kestra_secrets::internals::verdict::Status;
use tokio_util::sync::CancellationToken;

use crate::on::On;

/// A trial that the filter lets through.
#[derive(Clone)]
pub struct Selected {
    pub on: On,
    pub scenario: Arc<Scenario>,
    pub generation: Generation,
}

impl Selected {
    /// What its results are put up under: provider, Kestra, the generation the chart played, scenario.
    fn key(&self) -> [String; 4] {
        [
            self.on.provider().to_owned(),
            self.on.kestra().to_string(),
            self.generation.to_string(),
            self.scenario.name.clone(),
        ]
    }
}

/// The run: selected before the trials start, carried out when the first of them asks for a result.
#[derive(Default)]
pub struct Campaign {
    selected: Mutex<Vec<Selected>>,
    run: Mutex<Option<Run>>,
    board: Arc<Board>,
}

struct Run {
    thread: JoinHandle<Result<(), String>>,
    cancel: CancellationToken,
}

/// Where results are put up, for the trials that wait for them.
#[derive(Default)]
struct Board {
    posted: Mutex<Posted>,
    changed: Condvar,
}

#[derive(Default)]
struct Posted {
    /// By what was selected; a scenario's steps follow it.
    results: HashMap<[String; 4], Vec<CaseResult>>,
    /// By provider, why no more results will come of it.
    ended: HashMap<String, String>,
    /// Why no more results will come of any.
    over: Option<String>,
}

impl Campaign {
    /// Adds a trial's scenario to the run.
    pub fn select(&self, selected: Selected) {
        lock(&self.selected).push(selected);
    }

    /// Waits for all results of a trial: those that came, and why the others never will.
    pub fn results_of(&self, trial: &Selected) -> (Vec<CaseResult>, Option<String>) {
        self.start();
        let provider = trial.on.provider().to_string();
        let key = trial.key();
        let steps = trial.scenario.steps.len();
        let whole = |results: &[CaseResult]| match results {
            [only] if only.status == Status::Skipped => true,
            results => results.len() == 1 + steps,
        };
        let mut posted = lock(&self.board.posted);
        loop {
            let results = posted.results.get(&key).map_or(&[][..], Vec::as_slice);
            if whole(results) {
                return (results.to_vec(), None);
            }
            if let Some(ended) = posted.ended.get(&provider).or(posted.over.as_ref()) {
                return (results.to_vec(), Some(ended.clone()));
            }
            posted = self.board.changed.wait(posted).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the run and waits until nothing of it is left.
    pub fn close(&self) -> Result<(), String> {
        let Some(run) = lock(&self.run).take() else {
            return Ok(());
        };
        // All verdicts are in, or nobody waits for them any more.
        run.cancel.cancel();
        run.thread
            .join()
            .unwrap_or_else(|_| Err("carry out the run: it panicked".into()))
    }

    fn start(&self) {
        let mut run = lock(&self.run);
        if run.is_none() {
            let mut selected = lock(&self.selected).clone();
            let board = Arc::clone(&self.board);
            let cancel = CancellationToken::new();
            let cancelled = cancel.clone();
            let thread = std::thread::spawn(move || {
                // Trials wait for it, so the end is told even of a run that panics.
                let _end = End(Arc::clone(&board));
                selected.retain(|s| s.on.lacking().is_none());
                let runtime = tokio::runtime::Runtime::new().map_err(|e| format!("start tokio: {e}"))?;
                for provider in ["embedded", "docker", "kind"] {
                    let of_it: Vec<_> = selected
                        .iter()
                        .filter(|s| s.on.provider() == provider)
                        .cloned()
                        .collect();
                    if !of_it.is_empty() {
                        runtime.block_on(carry_out(&of_it, &board, cancelled.clone()))?;
                    }
                }
                Ok(())
            });
            *run = Some(Run { thread, cancel });
        }
    }
}

async fn carry_out(selected: &[Selected], board: &Arc<Board>, cancel: CancellationToken) -> Result<(), String> {
    let mut kestras = Vec::new();
    let mut scenarios: Vec<Arc<Scenario>> = Vec::new();
    for s in selected {
        let kestra = s.on.kestra();
        if !kestras.contains(&kestra) {
            kestras.push(kestra);
        }
        if !scenarios.iter().any(|known| known.name == s.scenario.name) {
            scenarios.push(Arc::clone(&s.scenario));
        }
    }
    let Some(on) = selected.first().map(|s| &s.on) else {
        return Ok(());
    };
    let provider = on.provider();
    let options = SessionOptions {
        place: ProviderChoice::Named(on.provider_spec()),
        kestra: kestras,
        chart: Some(ChartRef::Bundled(Bundled::Both)),
        ..SessionOptions::default()
    };
    let interrupted = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.cancel();
        }
    });
    let session = match Session::open(options, board.clone(), cancel).await {
        Ok(session) => session,
        Err(e) => {
            board.end(provider, &e);
            return Ok(());
        }
    };
    match session.plan(&scenarios) {
        Err(e) => board.end(provider, &e),
        Ok(mut plan) => {
            keep(&mut plan, selected);
            eprintln!("{}", session.header(&plan));
            if let Err(e) = session.carry_out(plan).await {
                board.end(provider, &e);
            }
        }
    }
    session.close().await.map_err(|e| e.to_string())
}

/// Takes out what was not selected: a plan is made of all scenarios on all Kestras.
fn keep(plan: &mut Plan, selected: &[Selected]) {
    let is_selected = |kestra: &KestraRef, generation, scenario: &str| {
        let is_it = |s: &Selected| s.on.kestra() == *kestra && s.generation == generation;
        selected.iter().any(|s| is_it(s) && s.scenario.name == scenario)
    };
    for installation in &mut plan.installations {
        let (kestra, generation) = (installation.kestra.clone(), installation.generation);
        let cases = &mut installation.cases;
        cases.retain(|c| is_selected(&kestra, generation, &c.scenario.name));
    }
    plan.installations.retain(|i| !i.cases.is_empty());
    plan.skipped
        .retain(|s| is_selected(&s.kestra, s.generation, &s.scenario));
}

impl Board {
    /// Tells the trials of a provider that wait that nothing more will come.
    fn end(&self, provider: &str, why: &dyn std::fmt::Display) {
        let why = format!("failed to {why}");
        lock(&self.posted).ended.entry(provider.to_string()).or_insert(why);
        self.changed.notify_all();
    }
}

/// Ends the waiting when the run ends, however it does.
struct End(Arc<Board>);

impl Drop for End {
    fn drop(&mut self) {
        let mut posted = lock(&self.0.posted);
        posted
            .over
            .get_or_insert_with(|| "the run ended before it came to this".into());
        self.0.changed.notify_all();
    }
}

impl Observer for Board {
    fn phase(&self, who: &str, phase: &str) {
        eprintln!("  …    {who}: {phase}");
    }

    fn finished(&self, _: &str) {}

    fn case(&self, result: &CaseResult) {
        let about = &result.provenance;
        // A trial is of what was installed first.
        let first = about.upgraded_from.as_ref().map(|from| (&from.kestra, &from.chart));
        let (kestra, chart) = first.unwrap_or((&about.kestra, &about.chart));
        let (_, generation) = chart.rsplit_once(' ').unwrap_or_default();
        let kestra = kestra.to_string();
        let key = [&about.provider, &kestra, generation, result.scenario_name()].map(ToString::to_string);
        lock(&self.posted).results.entry(key).or_default().push(result.clone());
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
