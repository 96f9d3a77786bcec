"""The pages that people use: server-rendered, working without JavaScript; each family of pages is one module beside this file."""
