//! Keys, their files, and keyed sessions.

use crate::lent::{AnyCaller, AnyHost};
use crate::sessions::{any_limits, any_service, any_time, session};
use crate::{input, output, text};
use core::hint::black_box;
use core::time::Duration;
use unstick::keys::{
    DatagramKey, Ephemerals, Guarded, Key, KeyedClient, KeyedServer, Keyring, Keys, Role,
};
use unstick::{Client, Serve, Server};

fn any_key() -> Option<Key> {
    Key::new(black_box(0), black_box(Role::Full), black_box([0; 32])).ok()
}

pub(crate) fn drive() {
    let _ = black_box(text().parse::<Key>());
    ring();
    datagrams();
    server::<64>();
    server::<1024>();
    client::<64>();
    client::<1024>();
}

fn ring() {
    let ring = Keyring::<4>::new(Ephemerals::random(black_box([0; 32])));
    let mut ring = Keyring::apart(ring, black_box(Duration::ZERO));
    black_box(Ephemerals::counted(&black_box([0; 32]), black_box(0)));
    while black_box(true) {
        let ring = black_box(&mut ring);
        if let Some(key) = any_key() {
            black_box((Key::id(&key), Key::role(&key), Role::as_str(Key::role(&key))));
            let _ = black_box(Keyring::add(ring, key));
        }
        black_box(Keyring::remove(ring, black_box(0)));
        black_box(Keys::key(ring, black_box(0)));
        black_box(Keys::ephemeral(ring));
        let _ = black_box(Keys::pace(ring, any_time()));
        Keys::sessions(ring, &mut |sessions| {
            black_box(sessions);
        });
    }
}

fn datagrams() {
    while let Some(key) = black_box(any_key()) {
        let mut session = DatagramKey::new(&key, black_box([0; 4]), &black_box([0; 32]));
        while black_box(true) {
            let session = black_box(&mut session);
            black_box(DatagramKey::seal(session, input(), output()));
            black_box(DatagramKey::open(session, input(), output()));
        }
    }
}

fn server<const M: usize>() {
    let mut inner = Server::<AnyHost, 256, 128>::begin(any_service(), any_limits());
    Guarded::restrict(&mut inner, black_box(0), black_box(Role::Read));
    black_box(Guarded::asks_for_key(&inner));
    let mut server = KeyedServer::<_, M>::accept(inner);
    session(&mut server, &mut AnyHost::new(), |server| black_box(Serve::is_idle(server)));
    let begun: KeyedServer<Server<AnyHost, 256, 128>, M> =
        Serve::begin(any_service(), any_limits());
    black_box(begun);
}

fn client<const M: usize>() {
    while let Some(key) = black_box(any_key()) {
        let inner = Client::<256>::with_capacity(any_service(), any_limits());
        let mut client = KeyedClient::<_, M>::offer(inner, key, black_box([0; 32]));
        session(&mut client, &mut AnyCaller, |_| false);
    }
}
