//! Tests that cross Unstick's packages: every scenario of `unstick-conformance` on every transport,
//! properties, and peers in Python that are not ours.
//!
//! | in `tests/` | plays scenarios on |
//! |---|---|
//! | `memory`, `drivers` | sessions in memory at every cut, the blocking and the async driver |
//! | `desktop` | the desktop node, over real sockets |
//! | `smoltcp` | the node on smoltcp, from another stack over a wire in memory |
//! | `windows` | the tool for Windows, as node and as client, under Wine (`./ci.sh machines`) |
//! | `firmware` | three programs on two emulated boards |
//!
//! | in `tests/` | shows |
//! |---|---|
//! | `properties` | whatever a peer sends, however it is cut: no panic, the same answers |
//! | `lending` | however a connection ends, the store has back what it lent |
//! | `peers` | Python programs, written from `docs/protocol.md` alone, against our node |
//! | `mutants` | a node in Python conforms, and each way to break it is caught |
//! | `page` | what scenarios show stands on the page, and what stands there is shown |

/// The code of the pages is compiled and run as tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../README.zh-CN.md")]
    struct ReadmeInChinese;
    #[doc = include_str!("../docs/commands.md")]
    struct Commands;
    #[doc = include_str!("../docs/limits.md")]
    struct Limits;
    #[doc = include_str!("../docs/porting.md")]
    struct Porting;
}
