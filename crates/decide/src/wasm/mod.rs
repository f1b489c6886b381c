//! Models as WebAssembly: one module that stands alone, made of integers only, and says the same bits as the native
//! models do.
//!
//! ```text
//! memory                      (exported)
//! clear()                     forgets the visitor
//! see(item, weight)           what the visitor did, latest first; item as a 64-bit id
//! fact(feature)               a fact of the context, as a 64-bit id
//! score(item, prior) -> i64   the first pass
//! input, features             where the features of one candidate go, as 32-bit floats, and how many there are
//! rank(address) -> i64        the trees over the features at an address, in 2^-32 of the model's unit
//! ```
//!
//! The first four are there where a first pass was learned, the others where there are trees. A custom section
//! `millstream` holds what the caller tells of the module.

mod code;
mod first_pass;
mod trees;

use crate::first_pass::FirstPass;
use crate::forest::Forest;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataSection, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, MemorySection, MemoryType, Module, TypeSection,
    ValType,
};

/// Name of the custom section.
pub const SECTION: &str = "millstream";
/// Largest module, in bytes of data: what is larger is no use to a browser.
pub const DATA_BYTES_MAX: usize = 16 << 20;
/// Bytes of a page of memory.
const PAGE_BYTES: usize = 65_536;

/// A module over these models; none where there is nothing to score with, or too much of it. `about` goes into its
/// custom section.
pub fn module(
    first_pass: Option<&FirstPass>,
    forest: Option<&Forest>,
    about: &[u8],
) -> Option<Vec<u8>> {
    let mut draft = Draft::default();
    if let Some(model) = first_pass.filter(|model| !model.is_empty()) {
        first_pass::write(&mut draft, model);
    }
    if let Some(forest) = forest.filter(|forest| !forest.is_empty()) {
        trees::write(&mut draft, forest);
    }
    (draft.functions > 0 && draft.data.len() <= DATA_BYTES_MAX).then(|| draft.finish(about))
}

/// A module that is being written.
#[derive(Default)]
struct Draft {
    types: TypeSection,
    declared: FunctionSection,
    code: CodeSection,
    exports: ExportSection,
    globals: GlobalSection,
    data: Vec<u8>,
    functions: u32,
    numbers: u32,
}

impl Draft {
    /// Adds a function and returns its index; one without a name is not exported.
    fn function(
        &mut self,
        name: Option<&str>,
        (parameters, results): (&[ValType], &[ValType]),
        function: &Function,
    ) -> u32 {
        let index = self.functions;
        self.functions += 1;
        self.types.ty().function(parameters.iter().copied(), results.iter().copied());
        self.declared.function(index);
        self.code.function(function);
        if let Some(name) = name {
            self.exports.export(name, ExportKind::Func, index);
        }
        index
    }

    /// Exports a number that does not change.
    fn number(&mut self, name: &str, value: i32) {
        let global_type = GlobalType { val_type: ValType::I32, mutable: false, shared: false };
        self.globals.global(global_type, &ConstExpr::i32_const(value));
        self.exports.export(name, ExportKind::Global, self.numbers);
        self.numbers += 1;
    }

    /// The address of the next data, of which every piece begins at a multiple of eight.
    fn address(&mut self) -> i32 {
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        // A draft that outgrows its bound is dropped, so the address fits.
        i32::try_from(self.data.len()).unwrap_or(i32::MAX)
    }

    /// Keeps data, and returns its address.
    fn keep(&mut self, bytes: &[u8]) -> i32 {
        let address = self.address();
        self.data.extend_from_slice(bytes);
        address
    }

    /// Room that begins as zeros.
    fn room(&mut self, bytes: usize) -> i32 {
        let address = self.address();
        self.data.resize(self.data.len() + bytes, 0);
        address
    }

    fn finish(mut self, about: &[u8]) -> Vec<u8> {
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: self.data.len().div_ceil(PAGE_BYTES).max(1) as u64,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        self.exports.export("memory", ExportKind::Memory, 0);
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(0), self.data);
        let mut module = Module::new();
        module.section(&self.types).section(&self.declared).section(&memories);
        if self.numbers > 0 {
            module.section(&self.globals);
        }
        module.section(&self.exports).section(&self.code).section(&data);
        let (name, data) = (Cow::Borrowed(SECTION), Cow::Borrowed(about));
        module.section(&CustomSection { name, data });
        module.finish()
    }
}
