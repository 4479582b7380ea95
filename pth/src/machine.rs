//! The stack machine that a pickle is a program for, cut down to what data needs.

use std::collections::HashMap;
use std::io::{Read, Seek};

use super::error::Failure;
use super::fault::Fault;
use super::global::Global;
use super::heap::{Heap, Id, Object};
use super::input::Input;
use super::{call, opcode as op, scalar, text, torch};

/// Highest protocol of Python 3.
const PROTOCOL_LIMIT: u8 = 5;

/// Runs one pickle up to its `STOP` and returns its object.
///
/// The cost is linear in the pickle: no opcode copies a container that exists, except those that pay for it from the
/// budget.
///
/// # Errors
///
/// A [`Failure`] that names opcode and byte.
pub(super) fn run<R: Read + Seek>(input: &mut Input<R>, heap: &mut Heap) -> Result<Id, Failure> {
    let mut machine = Machine { input, heap, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        let offset = machine.input.offset();
        let mut item = "opcode";
        let step = machine.input.byte().and_then(|code| {
            item = op::name(code).ok_or(Fault::Opcode { code })?;
            machine.step(code, item)
        });
        match step {
            Ok(None) => {}
            Ok(Some(id)) => return Ok(id),
            Err(fault) => return Err(Failure::at(machine.input.position(offset, item), fault)),
        }
    }
}

struct Machine<'a, R> {
    input: &'a mut Input<R>,
    heap: &'a mut Heap,
    stack: Vec<Id>,
    /// Heights of the stack at each open mark.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<R: Read + Seek> Machine<'_, R> {
    /// Does what one opcode says; the result is the object of `STOP`.
    ///
    /// # Source
    ///
    /// Python 3.11, `Lib/pickle.py`, class `_Unpickler`, in the order of the opcodes there.
    fn step(&mut self, code: u8, name: &'static str) -> Result<Option<Id>, Fault> {
        match code {
            op::STOP => return self.pop().map(Some),
            op::PROTO => match self.input.byte()? {
                found if found > PROTOCOL_LIMIT => {
                    return Err(Fault::Protocol { found, limit: PROTOCOL_LIMIT });
                }
                _ => {}
            },
            op::FRAME => {
                let needed = u64::from_le_bytes(self.input.array()?);
                let left = self.input.left();
                if needed > left {
                    return Err(Fault::Truncated { needed, left });
                }
            }
            op::MARK => {
                self.heap.budget.charge_items(2, size_of::<usize>())?;
                self.marks.push(self.stack.len());
            }
            op::POP if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            op::POP => {
                self.pop()?;
            }
            op::POP_MARK => {
                self.pop_mark()?;
            }
            op::DUP => {
                let top = self.top()?;
                self.stack.push(top);
            }
            op::EMPTY_LIST => self.push(Object::List(Vec::new()))?,
            op::EMPTY_TUPLE => self.push(Object::Tuple([].into()))?,
            op::EMPTY_DICT => self.push(Object::Dict { entries: Vec::new(), ordered: false })?,
            op::LIST => {
                let items = self.pop_mark()?;
                self.push(Object::List(items))?;
            }
            op::TUPLE => {
                let items = self.pop_mark()?;
                self.push(Object::Tuple(items.into()))?;
            }
            op::TUPLE1 | op::TUPLE2 | op::TUPLE3 => {
                let items = self.pop_several(usize::from(code - op::TUPLE1) + 1)?;
                self.push(Object::Tuple(items.into()))?;
            }
            op::DICT => {
                let items = self.pop_mark()?;
                self.push(Object::Dict { entries: Vec::new(), ordered: false })?;
                self.set_items(&items)?;
            }
            op::APPEND => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            op::APPENDS => {
                let items = self.pop_mark()?;
                self.append(&items)?;
            }
            op::SETITEM => {
                let items = self.pop_several(2)?;
                self.set_items(&items)?;
            }
            op::SETITEMS => {
                let items = self.pop_mark()?;
                self.set_items(&items)?;
            }
            op::PUT | op::BINPUT | op::LONG_BINPUT | op::MEMOIZE => {
                let key = match code {
                    op::MEMOIZE => self.memo.len() as u64,
                    _ => scalar::memo_key(self.input, code)?,
                };
                let top = self.top()?;
                // A hash table holds up to four slots per entry while it grows.
                self.heap.budget.charge_items(4, size_of::<(u64, Id)>())?;
                self.memo.insert(key, top);
            }
            op::GET | op::BINGET | op::LONG_BINGET => {
                let key = scalar::memo_key(self.input, code)?;
                let id = *self.memo.get(&key).ok_or(Fault::Memo { key })?;
                self.stack.push(id);
            }
            op::GLOBAL => {
                let global = self.global_line()?;
                self.push(Object::Global(global))?;
            }
            op::STACK_GLOBAL => {
                let name = self.pop()?;
                let module = self.pop()?;
                let module = self.heap.text(module, "module of a global")?;
                let global = Global::find(module, self.heap.text(name, "name of a global")?)?;
                self.push(Object::Global(global))?;
            }
            op::REDUCE => {
                let args = self.pop()?;
                let callee = self.pop()?;
                let result = call::call(self.heap, callee, args)?;
                self.stack.push(result);
            }
            op::INST | op::OBJ | op::NEWOBJ | op::NEWOBJ_EX => self.construct(code)?,
            op::BUILD => {
                let state = self.pop()?;
                let target = self.top()?;
                call::build(self.heap, target, state)?;
            }
            op::BINPERSID => {
                let id = self.pop()?;
                let storage = torch::persistent(self.heap, id)?;
                self.stack.push(storage);
            }
            op::NEXT_BUFFER | op::READONLY_BUFFER => return Err(Fault::OutOfBand { name }),
            _ => match scalar::read(self.heap, self.input, code)? {
                Some(object) => self.push(object)?,
                // PERSID cannot hold a tuple, EXT1 to EXT4 name globals by number, sets hold no data.
                None => return Err(Fault::OpcodeRefused { name }),
            },
        }
        Ok(None)
    }

    fn global_line(&mut self) -> Result<Global, Fault> {
        let module = text::utf8(self.input.line()?)?;
        let name = text::utf8(self.input.line()?)?;
        Global::find(&module, &name)
    }

    fn construct(&mut self, code: u8) -> Result<(), Fault> {
        let (class, args) = match code {
            op::INST => {
                let global = self.global_line()?;
                (self.heap.push(Object::Global(global))?, self.pop_mark()?)
            }
            op::OBJ => {
                let mut args = self.pop_mark()?;
                if args.is_empty() {
                    return Err(Fault::StackEmpty);
                }
                (args.remove(0), args)
            }
            _ => {
                if code == op::NEWOBJ_EX {
                    let keywords = self.pop()?;
                    match self.heap.get(keywords) {
                        Object::Dict { entries, .. } if entries.is_empty() => {}
                        other => {
                            let (what, expected) = ("keyword arguments", "empty dict");
                            return Err(Fault::Type { what, expected, found: other.kind() });
                        }
                    }
                }
                let args = self.pop()?;
                let class = self.pop()?;
                (class, self.heap.tuple(args, "argument list")?.to_vec())
            }
        };
        let object = call::construct(self.heap, class, &args)?;
        self.stack.push(object);
        Ok(())
    }

    fn append(&mut self, items: &[Id]) -> Result<(), Fault> {
        let target = self.top()?;
        match self.heap.get_mut(target) {
            Object::List(list) => list.extend_from_slice(items),
            other => {
                return Err(Fault::Type { what: "append target", expected: "list", found: other.kind() });
            }
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Result<(), Fault> {
        let target = self.top()?;
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Fault::StackEmpty);
        }
        match self.heap.get_mut(target) {
            Object::Dict { entries, .. } => entries.extend(pairs.iter().map(|&[key, value]| (key, value))),
            other => return Err(Fault::Type { what: "item target", expected: "dict", found: other.kind() }),
        }
        Ok(())
    }

    fn push(&mut self, object: Object) -> Result<(), Fault> {
        let id = self.heap.push(object)?;
        self.stack.push(id);
        Ok(())
    }

    /// Height below which the last open mark hides the stack.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id, Fault> {
        self.stack[self.floor()..].last().copied().ok_or(Fault::StackEmpty)
    }

    fn pop(&mut self) -> Result<Id, Fault> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_several(&mut self, count: usize) -> Result<Vec<Id>, Fault> {
        let start = self.stack.len().checked_sub(count).filter(|&start| start >= self.floor());
        Ok(self.stack.split_off(start.ok_or(Fault::StackEmpty)?))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>, Fault> {
        let start = self.marks.pop().ok_or(Fault::NoMark)?;
        Ok(self.stack.split_off(start))
    }
}
