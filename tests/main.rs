mod discord;
mod fakes;
