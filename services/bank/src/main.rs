//! The bank command: services, local stack, replay, tests.

mod commands;
mod interrupt;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tributary_telemetry as telemetry;

/// Tributary: a whole bank as event-sourced services on Kafka.
#[derive(Parser)]
#[command(name = "bank", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(commands::demo::Demo),
    Replay(commands::replay::Replay),
    Export(commands::export::Export),
    Generate(commands::generate::Generate),
    Up(commands::up::Up),
    Test(commands::test::Test),
    Bench(commands::bench::Bench),
    Load(commands::load::LoadArguments),
    Service(commands::service::Service),
    Topics(commands::topics::Topics),
    Dlq(commands::dlq::Dlq),
    Pii(commands::pii::Pii),
    Simulate(commands::simulate::Simulate),
    Fraud(commands::fraud::Fraud),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    let _telemetry = telemetry::init(match command {
        Command::Service(_) => telemetry::SERVICE_LOGS,
        // What the workers warn of is what is simulated, and the story tells it.
        Command::Simulate(_) => "off",
        _ => telemetry::COMMAND_LOGS,
    });
    let outcome = match command {
        Command::Demo(demo) => demo.run(),
        Command::Replay(replay) => replay.run(),
        Command::Export(export) => export.run(),
        Command::Generate(generate) => generate.run(),
        Command::Up(up) => up.run(),
        Command::Test(test) => test.run(),
        Command::Bench(bench) => bench.run(),
        Command::Load(load) => load.run(),
        Command::Service(service) => service.run(),
        Command::Topics(topics) => topics.run(),
        Command::Dlq(dlq) => dlq.run(),
        Command::Pii(pii) => pii.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Fraud(fraud) => fraud.run(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
