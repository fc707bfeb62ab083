mod fakes;
mod slack;
