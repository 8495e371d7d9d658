use super::model::Model;
use super::*;
use smoltcp::phy::{Device as _, RxToken as _, TxToken as _};
use smoltcp::time::Instant;
use std::string::ToString;
use std::vec::Vec;

fn nic() -> Lan9118<Model> {
    Lan9118::new(Model::new(), None).unwrap()
}

fn frame(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index * 7 + len) as u8).collect()
}

fn receive(nic: &mut Lan9118<Model>) -> Option<Vec<u8>> {
    let (received, _) = nic.receive(Instant::ZERO)?;
    Some(received.consume(<[u8]>::to_vec))
}

#[test]
fn it_comes_up_with_its_address_and_both_directions_on() {
    let mut nic = nic();
    assert_eq!(nic.address(), EthernetAddress([2, 1, 3, 4, 5, 6]));
    assert_eq!(nic.registers.mac[MAC_CR as usize], MAC_CR_ON);
    assert_eq!(nic.registers.phy[ANAR as usize], ANAR_FULL_DUPLEX);
    assert_eq!(nic.registers.phy[BMCR as usize], BMCR_NEGOTIATE);
    assert!(nic.is_linked());
    nic.registers.phy[BMSR as usize] = 0;
    assert!(!nic.is_linked());
}

#[test]
fn another_chip_or_a_dead_one_is_told_in_a_sentence() {
    let sentence = |change: fn(&mut Model)| {
        let mut model = Model::new();
        change(&mut model);
        Lan9118::new(model, None).err().unwrap().to_string()
    };
    assert_eq!(
        sentence(|model| model.order = 0x4321_8765),
        "no LAN9118 answers: register 0x64 is 0x43218765; check the address and the bus width"
    );
    assert_eq!(
        sentence(|model| model.id = 0x9211_0000),
        "no LAN9118 answers: register 0x50 is 0x92110000; check the address and the bus width"
    );
    assert_eq!(
        sentence(|model| model.is_stuck = true),
        "the LAN9118 is stuck: register 0x84 stays 0x00000000; check its power and clock"
    );
    assert_eq!(
        sentence(without_eeprom),
        "the LAN9118 has ff-ff-ff-ff-ff-ff for an address: program its EEPROM or give one"
    );
}

fn without_eeprom(model: &mut Model) {
    model.mac[ADDRL as usize] = u32::MAX;
    model.mac[ADDRH as usize] = 0xFFFF;
}

#[test]
fn an_address_that_is_given_is_the_chips() {
    let mut model = Model::new();
    without_eeprom(&mut model);
    let address = EthernetAddress([2, 3, 5, 7, 11, 13]);
    let nic = Lan9118::new(model, Some(address)).unwrap();
    assert_eq!(nic.address(), address);
    assert_eq!(nic.registers.mac[ADDRL as usize], 0x0705_0302);
    assert_eq!(nic.registers.mac[ADDRH as usize], 0x0D0B);
}

#[test]
fn frames_of_every_length_come_whole_and_in_order() {
    let mut nic = nic();
    for len in HEADER..=FRAME {
        nic.registers.receive(&frame(len), true);
    }
    for len in HEADER..=FRAME {
        assert_eq!(receive(&mut nic).unwrap(), frame(len));
    }
    assert!(receive(&mut nic).is_none());
    assert!(nic.registers.is_drained());
    assert_eq!(nic.dropped(), 0);
}

#[test]
fn bad_frames_are_dropped_and_the_next_good_one_comes() {
    let mut nic = nic();
    let bad = [(60, false), (FRAME, false), (0, true), (13, true), (FRAME + 1, true), (9000, true)];
    for (len, is_good) in bad {
        nic.registers.receive(&frame(len), is_good);
    }
    nic.registers.receive(&frame(99), true);
    assert_eq!(receive(&mut nic).unwrap(), frame(99));
    assert!(nic.registers.is_drained());
    assert_eq!(nic.dropped(), bad.len() as u32);
    nic.registers.receive(&frame(10), true);
    assert!(receive(&mut nic).is_none(), "nothing but a bad one");
}

#[test]
fn frames_of_every_length_are_sent_whole() {
    let mut nic = nic();
    for len in HEADER..=FRAME {
        nic.registers.room = 4608;
        let token = nic.transmit(Instant::ZERO).unwrap();
        token.consume(len, |bytes| bytes.copy_from_slice(&frame(len)));
    }
    let sent: Vec<_> = (HEADER..=FRAME).map(frame).collect();
    assert!(nic.registers.sent == sent);
    assert_eq!(nic.registers.unread, 1, "what became of each but the last was read");
}

#[test]
fn without_room_to_send_nothing_is_sent_and_nothing_taken() {
    let mut nic = nic();
    nic.registers.receive(&frame(60), true);
    nic.registers.room = (COMMANDS + FRAME) as u32;
    assert!(nic.transmit(Instant::ZERO).is_none());
    assert!(receive(&mut nic).is_none());
    nic.registers.room += 2;
    assert_eq!(receive(&mut nic).unwrap(), frame(60));
}

#[test]
fn a_frame_interrupts_only_who_listens() {
    let mut nic = nic();
    nic.registers.receive(&frame(60), true);
    assert!(!nic.registers.is_interrupting());
    assert!(nic.enable_interrupt(), "it waits already");
    assert!(nic.registers.is_interrupting());
    nic.disable_interrupt();
    assert!(!nic.registers.is_interrupting());
    receive(&mut nic);
    assert!(!nic.enable_interrupt());
    assert!(!nic.registers.is_interrupting());
    nic.registers.receive(&frame(60), true);
    assert!(nic.registers.is_interrupting());
}
