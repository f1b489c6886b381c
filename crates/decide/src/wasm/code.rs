//! What the functions of a module are put together from.

use alloc::vec::Vec;
use wasm_encoder::{BlockType, Function, Instruction as I, MemArg, MemArgTarget, ValType};

/// An aligned word so many bytes behind an address.
pub(super) const fn behind(offset: u64, align: u32) -> MemArg {
    MemArg { offset, align, target: MemArgTarget::Memory(0), ordering: None }
}

/// A function of these locals, beside its parameters, and this body.
pub(super) fn function(locals: &[(u32, ValType)], body: &[I<'_>]) -> Function {
    let mut function = Function::new(locals.iter().copied());
    for instruction in body {
        function.instruction(instruction);
    }
    function.instruction(&I::End);
    function
}

/// A loop whose body leaves it by a branch out of two blocks, and else begins anew.
pub(super) fn forever(body: &[I<'static>]) -> Vec<I<'static>> {
    let mut all = alloc::vec![I::Block(BlockType::Empty), I::Loop(BlockType::Empty)];
    all.extend_from_slice(body);
    all.extend([I::Br(0), I::End, I::End]);
    all
}

/// Finds `wanted` among `count` ascending words that stand `stride` bytes apart from `table` on, and returns its place;
/// -1 where it is not: `(table, count, wanted) -> place`.
pub(super) fn find(stride: i32, word: ValType) -> Function {
    let (table, count, wanted, low, middle) = (0, 1, 2, 3, 4);
    let wide = word == ValType::I64;
    let load = if wide { I::I64Load(behind(0, 3)) } else { I::I32Load16U(behind(0, 1)) };
    let equal = if wide { I::I64Eq } else { I::I32Eq };
    let below = if wide { I::I64LtU } else { I::I32LtU };
    // The word in the middle of what is left.
    let looked_at = [
        I::LocalGet(middle),
        I::I32Const(stride),
        I::I32Mul,
        I::LocalGet(table),
        I::I32Add,
        load,
        I::LocalGet(wanted),
    ];
    let mut body = alloc::vec![
        I::LocalGet(low),
        I::LocalGet(count),
        I::I32GeU,
        I::BrIf(1),
        I::LocalGet(low),
        I::LocalGet(count),
        I::I32Add,
        I::I32Const(1),
        I::I32ShrU,
        I::LocalSet(middle),
    ];
    body.extend_from_slice(&looked_at);
    body.extend([equal, I::If(BlockType::Empty), I::LocalGet(middle), I::Return, I::End]);
    body.extend_from_slice(&looked_at);
    body.extend([
        below,
        I::If(BlockType::Empty),
        I::LocalGet(middle),
        I::I32Const(1),
        I::I32Add,
        I::LocalSet(low),
        I::Else,
        I::LocalGet(middle),
        I::LocalSet(count),
        I::End,
    ]);
    let mut all = forever(&body);
    all.push(I::I32Const(-1));
    function(&[(2, ValType::I32)], &all)
}
