//! What a client knows of its files: what each may be.

use smoltcp::wire::Ipv4Address;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The bytes of a file.
pub type Content = Rc<[u8]>;

/// A request that changes a file: the number of its connection, and its own there.
pub type Change = (u64, u64);

/// What a file may be since a change; `None` is no file.
struct May {
    change: Change,
    content: Option<Content>,
}

/// No file, and no request was needed for that.
const NONE: May = May { change: (0, 0), content: None };

/// Of each file of each node what it may be, in the order in which that was asked for; the first was known
/// for sure, and the others once it is told what became of them.
#[derive(Default)]
pub struct Files(BTreeMap<(Ipv4Address, String), Vec<May>>);

impl Files {
    fn of(&mut self, node: Ipv4Address, name: &str) -> &mut Vec<May> {
        self.0.entry((node, name.to_owned())).or_insert_with(|| vec![NONE])
    }

    /// A change has been asked for.
    pub fn asked(
        &mut self,
        node: Ipv4Address,
        name: &str,
        change: Change,
        content: Option<&Content>,
    ) {
        let may_be = self.of(node, name);
        if !may_be.iter().any(|it| it.change == change) {
            may_be.push(May { change, content: content.cloned() });
        }
    }

    /// A change was answered `ok`: it is that, or what was asked for since.
    pub fn done(&mut self, node: Ipv4Address, name: &str, change: Change) {
        let may_be = self.of(node, name);
        if let Some(at) = may_be.iter().position(|it| it.change == change) {
            may_be.drain(..at);
        }
    }

    /// A change was refused.
    pub fn refused(&mut self, node: Ipv4Address, name: &str, change: Change) {
        self.of(node, name).retain(|it| it.change != change);
    }

    /// Whether the file may be that.
    pub fn may_be(&mut self, node: Ipv4Address, name: &str, content: Option<&[u8]>) -> bool {
        self.of(node, name).iter().any(|it| it.content.as_deref() == content)
    }

    /// Whether there may be such a file.
    pub fn may_exist(&mut self, node: Ipv4Address, name: &str) -> bool {
        self.of(node, name).iter().any(|it| it.content.is_some())
    }

    /// A node has lost all its files.
    pub fn lost(&mut self, node: Ipv4Address) {
        for ((of, _), may_be) in &mut self.0 {
            if *of == node {
                may_be.insert(0, NONE);
            }
        }
    }
}
