//! Every scenario on sessions in memory, cut at every place and through every window (rule F2).

use std::collections::HashSet;
use unstick::Service;
use unstick_conformance::memory;
use unstick_conformance::scenarios;

#[test]
fn echo() {
    every_way(Service::Echo);
}

#[test]
fn bare() {
    every_way(Service::Frame);
    every_way(Service::Message);
}

#[test]
fn command() {
    every_way(Service::Command);
}

fn every_way(service: Service) {
    let mut wrong = String::new();
    for scenario in scenarios().iter().filter(|scenario| scenario.endpoint.service() == service) {
        for delivery in memory::deliveries(scenario) {
            if let Err(difference) = memory::session(scenario, &delivery) {
                wrong += &format!("{}\n{difference}\n{delivery:?}\n\n", scenario.name);
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_table_is_large_and_its_names_are_unique() {
    let scenarios = scenarios();
    let names: HashSet<_> = scenarios.iter().map(|scenario| &scenario.name).collect();
    assert_eq!(names.len(), scenarios.len());
    assert!(names.len() >= 100, "{} scenarios", names.len());
}
