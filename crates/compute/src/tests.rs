mod backends;
mod honest;
