package api

import "net/http"

func (s *Service) listSeries(w http.ResponseWriter, r *http.Request) { notFound(w, r) }
func (s *Service) tail(w http.ResponseWriter, r *http.Request)       { notFound(w, r) }
func (s *Service) export(w http.ResponseWriter, r *http.Request)     { notFound(w, r) }
