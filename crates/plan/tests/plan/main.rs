//! What must hold of the planner, through its public interface.

mod known_answers;
mod shop;
