//! Every scenario on the desktop node, over real sockets on loopback.

use core::time::Duration;
use std::thread;
use unstick_conformance::{Column, FILE, Played, SMALL, Scenario, Setup, live, matrix, scenarios};
use unstick_std::node::{Config, Ports, Running, Storage, demo};

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn files_in_memory() {
    agrees(&mut Nodes { storage: |setup| Some(memory(setup)), shared: None });
}

#[test]
fn files_in_a_directory() {
    let root = std::env::temp_dir().join(format!("unstick-tests-{}", std::process::id()));
    std::fs::create_dir_all(&root).unwrap();
    let directory = root.clone();
    let storage = move |setup| match setup {
        // A directory has no limits of its own.
        Setup::Store | Setup::Small => None,
        _ => Some(Storage::Directory(directory.clone())),
    };
    agrees(&mut Nodes { storage, shared: None });
    let left: Vec<_> =
        std::fs::read_dir(&root).unwrap().map(|it| it.unwrap().file_name()).collect();
    std::fs::remove_dir_all(&root).unwrap();
    assert!(left.is_empty(), "scenarios have left {left:?}");
}

/// What shows deadlines takes as long as they do: all at once.
#[test]
fn deadlines() {
    let node = start(Setup::Default, memory(Setup::Default));
    let mut table = scenarios();
    table.retain(|scenario| !scenario.pauses().is_zero());
    assert!(table.len() >= 4);
    thread::scope(|scope| {
        for scenario in &table {
            let address = node.address(scenario.endpoint).unwrap();
            scope.spawn(move || {
                let played = live::play(scenario, address, PATIENCE).unwrap();
                played.unwrap_or_else(|difference| panic!("{}\n{difference}", scenario.name));
            });
        }
    });
}

fn agrees<F: FnMut(Setup) -> Option<Storage>>(nodes: &mut Nodes<F>) {
    let mut out = Vec::new();
    let play = Box::new(|scenario: &Scenario| nodes.play(scenario));
    let summary =
        matrix(&scenarios(), &mut [Column { name: "desktop", play }], &mut out, false).unwrap();
    assert_eq!(summary.differ, 0, "\n{}", String::from_utf8_lossy(&out));
    assert!(summary.agree > 150, "{summary}");
}

/// Desktop nodes as scenarios need them.
struct Nodes<F> {
    storage: F,
    /// The one that all scenarios share that do not mind what others did.
    shared: Option<Running>,
}

impl<F: FnMut(Setup) -> Option<Storage>> Nodes<F> {
    fn play(&mut self, scenario: &Scenario) -> Option<Played> {
        if !scenario.pauses().is_zero() {
            return None;
        }
        let own;
        let node = match scenario.setup {
            Setup::Default => match &mut self.shared {
                Some(node) => node,
                none => none.insert(start(Setup::Default, (self.storage)(Setup::Default)?)),
            },
            setup => {
                own = start(setup, (self.storage)(setup)?);
                &own
            }
        };
        let address = node.address(scenario.endpoint).expect("every service is served");
        live::play(scenario, address, PATIENCE)
    }
}

fn memory(setup: Setup) -> Storage {
    Storage::Memory { largest: if setup == Setup::Small { SMALL } else { FILE } }
}

fn start(setup: Setup, files: Storage) -> Running {
    let config = Config::new()
        .ports(Ports::ANY)
        .files(files)
        .limits(setup.limits())
        .datagrams(setup.datagram());
    Running::start(demo::with_commands(config)).expect("a node on ports that the system chooses")
}
